"""Bars and evidence made by hand."""

from datetime import timedelta
from decimal import Decimal

from signals.engines.evidence import Evidence, Holding, Outlook
from signals.market.bars import TIMEFRAMES, Bar, Bars
from tests.factories import NOW, quote

D = Decimal


def bars(*closes, spread=0.0, timeframe="1h", high=None, low=None):
    """One bar after the other, each `spread` high and low around its close; the last has just ended."""
    step = TIMEFRAMES[timeframe]
    first = NOW - step * len(closes)
    rows = [
        Bar(first + step * number, float(close), float(close) + spread, float(close) - spread, float(close))
        for number, close in enumerate(closes)
    ]
    return Bars(symbol="BTC/USDT", timeframe=timeframe, source="hand", rows=tuple(rows))


def analysis(**fields):
    told = {
        "made_at": NOW - timedelta(hours=1), "direction": "UP", "probability": 0.75, "model": "Statistical",
        "price": 51000.0, "horizon_days": 1, "sentiment": "positive", "sentiment_confidence": 0.6,
    }  # fmt: skip
    return Outlook(**{**told, **fields})


def evidence(**fields):
    return Evidence(
        **{"now": NOW, "symbol": "BTC/USDT", "quote_problem": "no price", "bars_problem": "no bars",
           "analysis_problem": "no analysis", **fields}
    )  # fmt: skip


def holding(side, average, quantity="1"):
    return {side: Holding(side=side, quantity=D(quantity), average_price=D(average))}


__all__ = ["analysis", "bars", "evidence", "holding", "quote"]
