"""Walk-forward: the statistical forecast beside the naive one, a day ahead, each day of a year (A3); with `--neural`
TFT and N-HITS (requirements-forecast.txt), trained once, on the last 60 days of it, which they have not seen.

MASE (Hyndman and Koehler, 2006): the mean absolute error over that of the naive forecast in the days before the year;
the naive forecast's own MASE stands beside it, and below it the model is better.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise

from signals.forecast.base import NoForecast
from signals.forecast.neural import NHITS, TFT
from signals.forecast.statistical import one
from signals.market.history.simulated import SimulatedHistory

SYMBOLS = ("AAPL", "TSLA", "MSFT", "GOOGL", "NVDA")
DAYS, BEFORE = 250, 250
NEURAL_SECONDS = 600.0
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def measure(symbol: str, *, days: int = DAYS) -> dict[str, float]:
    """MASE of both, and how often the direction was right; `days` forecasts, each from all days before it."""
    closes = [bar.close for bar in SimulatedHistory().bars(symbol, days=BEFORE + days, now=NOW)]
    scale = _mean_step(closes[:BEFORE])
    errors, naive, hits, moves = [], [], 0, 0
    for number in range(BEFORE, len(closes)):
        told = one(closes[:number], horizon=1)
        errors.append(abs(told.price - closes[number]))
        naive.append(abs(closes[number - 1] - closes[number]))
        if closes[number] != closes[number - 1]:
            moves += 1
            hits += (closes[number] > closes[number - 1]) == (told.direction == "UP")
    count = len(errors)
    return {
        "days": count, "mase": sum(errors) / count / scale, "naive": sum(naive) / count / scale,
        "hit_rate": hits / moves if moves else 0.0,
    }  # fmt: skip


def _mean_step(closes: Sequence[float]) -> float:
    steps = [abs(after - before) for before, after in pairwise(closes)]
    return sum(steps) / len(steps)


def neural(model: str) -> dict[str, dict[str, float]]:
    """As `measure`, for all symbols by one network. Raises NoForecast where it is not installed."""
    try:
        from signals.forecast.networks import held_out
    except ImportError as error:
        raise NoForecast(f"{error}: pip install -r requirements-forecast.txt") from None
    series = {
        symbol: [bar.close for bar in SimulatedHistory().bars(symbol, days=BEFORE + DAYS, now=NOW)]
        for symbol in SYMBOLS
    }
    past, _ = held_out(model, series, horizon=1, seconds=NEURAL_SECONDS)
    found = {}
    for symbol, closes in series.items():
        pairs = past[symbol]
        before = closes[-len(pairs) - 1 : -1]
        scale, count = _mean_step(closes[:BEFORE]), len(pairs)
        moved = [(said, came, last) for (said, came), last in zip(pairs, before, strict=True) if came != last]
        found[symbol] = {
            "days": count,
            "mase": sum(abs(said - came) for said, came in pairs) / count / scale,
            "naive": sum(abs(last - came) for (_, came), last in zip(pairs, before, strict=True)) / count / scale,
            "hit_rate": sum((said > last) == (came > last) for said, came, last in moved) / len(moved),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.analysis", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--neural", action="store_true", help="the networks instead of the statistical model")
    if parser.parse_args().neural:
        for model in (TFT, NHITS):
            _show(model, neural(model))
        return
    with ProcessPoolExecutor(2) as pool:
        found = dict(zip(SYMBOLS, pool.map(measure, SYMBOLS), strict=True))
    _show("statistical", found)


def _show(model: str, found: dict[str, dict[str, float]]) -> None:
    print(f"| series | days | MASE {model} | MASE naive | better | direction right |")
    print("|---|---|---|---|---|---|")
    for symbol, each in found.items():
        better = "yes" if each["mase"] < each["naive"] else "no"
        print(
            f"| {symbol} | {each['days']} | {each['mase']:.4f} | {each['naive']:.4f} | {better} |"
            f" {each['hit_rate']:.1%} |"
        )
    mase, naive = (sum(each[name] for each in found.values()) / len(found) for name in ("mase", "naive"))
    print(f"| **mean** | | **{mase:.4f}** | {naive:.4f} | {'yes' if mase < naive else 'no'} | |")


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradeops.settings")
    django.setup()
    try:
        main()
    except NoForecast as error:
        raise SystemExit(str(error)) from None
