"""TFT and N-HITS by `neuralforecast`, on the CPU. This module imports torch: it takes seconds and a gigabyte.

TFT: Lim, Arik, Loeff and Pfister (2021). N-HITS: Challu and others (2023). One network learns from all symbols
together, on daily log returns by their standard deviation: prices have no level to come back to, and one network can
then learn from a stock of 20 and a coin of 60,000.

A network is too sure of what it has learnt by heart. So it never sees the last `HELD_OUT` days: its band is widened or
narrowed, for each symbol, until it holds `BAND` of those (conformalised quantile regression: Romano, Patterson and
Candès, 2019).
"""

from __future__ import annotations

import logging
import math
import os
import random
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the libraries, about each other
    import pandas
    import torch
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MQLoss
    from neuralforecast.models import NHITS, TFT
    from pytorch_lightning import Callback

from .base import BAND, Learnt, OutOfTime

HELD_OUT = 60
# More get into each other's way in networks this small, and wait by spinning: a busy machine took several times longer.
THREADS = 1
_INPUT = 40  # days that a network looks at
_LEVEL = round(BAND * 100)
_STEPS = {"TFT-Primary": 200, "N-HITS": 200}
_QUIET = ("pytorch_lightning", "lightning", "lightning.pytorch", "lightning.fabric", "lightning_fabric")


def learn(model: str, closes: Mapping[str, Sequence[float]], *, horizon: int, seconds: float) -> dict[str, Learnt]:
    """Price, low and high of each symbol, `horizon` bars ahead. Raises OutOfTime when it is not trained by then."""
    return held_out(model, closes, horizon=horizon, seconds=seconds, predict=True)[1]


def held_out(
    model: str, closes: Mapping[str, Sequence[float]], *, horizon: int, seconds: float, predict: bool = False
) -> tuple[dict[str, list[tuple[float, float]]], dict[str, Learnt]]:
    """What the network said of the days it never saw, as (said, came) in prices, oldest first; and its forecasts."""
    scales = {symbol: _scale(values) for symbol, values in closes.items()}
    frame = pandas.concat(_rows(symbol, values, scales[symbol]) for symbol, values in closes.items())
    with _quietly():
        network = NeuralForecast(models=[_network(model, horizon=horizon, seconds=seconds)], freq=1)
        tests = network.cross_validation(frame, n_windows=HELD_OUT, step_size=1, refit=False, verbose=False)
        told = network.predict(frame, verbose=False) if predict else None
    past: dict[str, list[tuple[float, float]]] = {}
    found: dict[str, Learnt] = {}
    for symbol, values in closes.items():
        windows = [window for _, window in tests[tests["unique_id"] == symbol].groupby("cutoff")]
        paths = [_path(window) for window in windows]
        came = [float(window["y"].sum()) for window in windows]
        past[symbol] = _in_prices(paths, came, values, horizon=horizon, scale=scales[symbol])
        if told is not None:
            more = _conformal(paths, came)
            middle, down, up = _path(told[told["unique_id"] == symbol])
            last, scale = float(values[-1]), scales[symbol]
            logs = (middle, middle - max(down + more, 0.0), middle + max(up + more, 0.0))
            price, low, high = (last * math.exp(each * scale) for each in logs)
            found[symbol] = Learnt(price, low, high)
    return past, found


def _scale(values: Sequence[float]) -> float:
    """The standard deviation of the daily log returns that the network may learn from."""
    spread = float(numpy.diff(numpy.log(numpy.asarray(values, dtype=float)))[:-HELD_OUT].std())
    return spread if spread > 0 else 1.0


def _rows(symbol: str, values: Sequence[float], scale: float) -> pandas.DataFrame:
    """All series end on the same day, so that days are counted backwards."""
    returns = numpy.diff(numpy.log(numpy.asarray(values, dtype=float))) / scale
    return pandas.DataFrame({"unique_id": symbol, "ds": range(-len(returns), 0), "y": returns})


def _path(told: pandas.DataFrame) -> tuple[float, float, float]:
    """The sum of the days' medians, and how far the band reaches down and up: the days count as independent."""
    [middle] = [name for name in told.columns if name.endswith("-median")]
    name = middle.removesuffix("-median")
    median = told[middle].to_numpy(float)
    low, high = (told[f"{name}-{side}-{_LEVEL}"].to_numpy(float) for side in ("lo", "hi"))
    return float(median.sum()), math.sqrt(((median - low) ** 2).sum()), math.sqrt(((high - median) ** 2).sum())


def _conformal(paths: Sequence[tuple[float, float, float]], came: Sequence[float]) -> float:
    """By how much both ends of the band must move outwards for it to hold its share of what came."""
    outside = sorted(max(middle - down - y, y - middle - up) for (middle, down, up), y in zip(paths, came, strict=True))
    rank = min(len(outside), math.ceil((len(outside) + 1) * BAND))
    return outside[rank - 1]


def _in_prices(
    paths: Sequence[tuple[float, float, float]],
    came: Sequence[float],
    values: Sequence[float],
    *,
    horizon: int,
    scale: float,
) -> list[tuple[float, float]]:
    first = len(values) - len(paths) - horizon  # the last price that the first of the windows knew
    return [
        (values[first + number] * math.exp(path[0] * scale), values[first + number] * math.exp(y * scale))
        for number, (path, y) in enumerate(zip(paths, came, strict=True))
    ]


class _Deadline(Callback):
    """Ends a training that would take too long; half-trained is worse than the next model."""

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._ends = time.monotonic() + seconds

    def on_train_batch_end(self, trainer: Any, *_: Any, **__: Any) -> None:
        if time.monotonic() > self._ends and trainer.global_step < trainer.max_steps:
            raise OutOfTime(
                f"{trainer.global_step} of {trainer.max_steps} steps were done after its {self._seconds:.0f} s"
            )


def _network(model: str, *, horizon: int, seconds: float) -> Any:
    common: dict[str, Any] = {
        "h": horizon, "input_size": _INPUT, "max_steps": _STEPS[model], "loss": MQLoss(level=[_LEVEL]),
        "scaler_type": "identity", "windows_batch_size": 256, "random_seed": 1, "accelerator": "cpu", "devices": 1,
        "enable_progress_bar": False, "enable_model_summary": False, "logger": False, "enable_checkpointing": False,
        "callbacks": [_Deadline(seconds=seconds)],
    }  # fmt: skip
    if model == "TFT-Primary":
        return TFT(hidden_size=32, dropout=0.2, **common)
    return NHITS(mlp_units=[[64, 64]] * 3, dropout_prob_theta=0.2, **common)


@contextmanager
def _quietly() -> Iterator[None]:
    """Few threads, no chatter, and this process's dice as they were: the libraries seed them for everybody."""
    dice, states, seed = random.getstate(), numpy.random.get_state(), os.environ.get("PL_GLOBAL_SEED")
    threads, levels = torch.get_num_threads(), {name: logging.getLogger(name).level for name in _QUIET}
    torch.set_num_threads(THREADS)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(dice)
        numpy.random.set_state(states)
        os.environ.pop("PL_GLOBAL_SEED", None) if seed is None else os.environ.update(PL_GLOBAL_SEED=seed)
        torch.set_num_threads(threads)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
