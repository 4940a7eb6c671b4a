"""The latest analysis of a symbol, as the agents that go by it see it. Read outside any transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from signals.market.cache import recent
from signals.models import AnalysisRun

from .evidence import Outlook

KEPT_SECONDS = 5.0
_BACK = timedelta(days=7)
_RUNS = 20

Run = tuple[datetime, int, Mapping[str, Any]]  # when it ended, its horizon in days, symbol → its result


def names(symbol: str, ticker: str) -> list[str]:
    """As an analysis may have named it: the venue's symbol, its spot form, the ticker without its exchange."""
    return list(dict.fromkeys([symbol, symbol.partition(":")[0], ticker, ticker.rpartition(":")[2]]))


def latest(among: Iterable[str], *, now: datetime) -> tuple[Outlook | None, str]:
    """The newest of a symbol with one of these names; or why there is none."""
    wanted = [name for name in among if name]
    for finished_at, horizon, results in recent.get("analysis", lambda: _runs(now), keep=KEPT_SECONDS):
        for name in wanted:
            told = results.get(name)
            if told and told.get("success"):
                return _outlook(told["components"], finished_at, horizon), ""
    return None, f"no analysis of {wanted[0] if wanted else 'it'} in the last {_BACK.days} days"


def _runs(now: datetime) -> list[Run]:
    rows = (
        AnalysisRun.objects.filter(
            trading_day__gte=(now - _BACK).date(), status=AnalysisRun.Status.COMPLETED, results__isnull=False
        )
        .order_by("-pk")
        .values_list("finished_at", "plan__horizon_days", "results")[:_RUNS]
    )
    return [(at, horizon, results["trading_signals"]) for at, horizon, results in rows if at and results]


def _outlook(told: Mapping[str, Any], at: datetime, horizon: int) -> Outlook:
    forecast, mood = told["price_prediction"], told["sentiment_analysis"]
    read = float(mood["confidence"]) > 0  # without headlines it is 0
    return Outlook(
        made_at=at,
        direction=str(forecast["direction"]),
        probability=float(forecast["confidence"]),
        model=str(forecast["model_used"]),
        price=float(forecast["predicted_price"]),
        horizon_days=horizon,
        sentiment=str(mood["sentiment"]) if read else "",
        sentiment_confidence=float(mood["confidence"]),
    )
