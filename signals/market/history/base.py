"""What a source of daily history gives. Floats: they feed statistics and charts, never an order."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from tradeops.core import logs
from tradeops.core.errors import ConfigurationError, TradeOpsError

logger = logs.get(__name__)


class NoHistory(TradeOpsError):
    """The source has no usable prices of a symbol; the message says why, for the run's page."""

    code = "no_history"


@dataclass(frozen=True)
class DayBar:
    """`date` is the exchange's own day; `final`: it was over when it was read, so its close is one."""

    date: date
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0
    final: bool = False


@dataclass(frozen=True)
class Headline:
    title: str
    at: datetime
    publisher: str = ""


class HistorySource(Protocol):
    def bars(self, symbol: str, *, days: int, now: datetime) -> list[DayBar]:
        """The last `days` daily bars, oldest first, without a gap of the source's own making. Raises NoHistory.

        Those whose day was over at `now`, where they are traded, are final; the last one may not be.
        """

    def headlines(self, symbol: str, *, now: datetime) -> list[Headline]:
        """The latest first; none is an answer. Raises NoHistory when they cannot be had."""


def kinds() -> list[str]:
    return sorted(settings.HISTORY_SOURCES)


def history_source(name: str) -> HistorySource:
    """`name` is a kind, or `venue:<exchange>`. Raises ConfigurationError for one that is not there."""
    kind, _, detail = name.partition(":")
    try:
        made = import_string(settings.HISTORY_SOURCES[kind])
    except KeyError:
        raise ConfigurationError(f"there is no data source {name!r}; there are {', '.join(kinds())}") from None
    found: HistorySource = made(detail) if detail else made()
    return found


def bars_of(source: HistorySource, symbol: str, *, days: int, now: datetime) -> list[DayBar]:
    """As `HistorySource.bars`, and a source that falls over has none either: its symbol has a problem, not the run."""
    try:
        return clean(source.bars(symbol, days=days, now=now), symbol=symbol)
    except NoHistory:
        raise
    except Exception as error:
        raise _fell_over(symbol, error) from error


def headlines_of(source: HistorySource, symbol: str, *, now: datetime) -> list[Headline]:
    """As `HistorySource.headlines`, and a source that falls over has none either."""
    try:
        return source.headlines(symbol, now=now)
    except NoHistory:
        raise
    except Exception as error:
        raise _fell_over(symbol, error) from error


def _fell_over(symbol: str, error: Exception) -> NoHistory:
    logger.warning("a data source fell over", symbol=symbol, exc_info=True)
    return NoHistory(f"{symbol}: {type(error).__name__}: {' '.join(str(error).split())[:160]}")


def clean(bars: Iterable[DayBar], *, symbol: str, least: int = 1) -> list[DayBar]:
    """Sorted, one per day, without what cannot be a price (NaN, zero, infinite). Raises NoHistory for too few.

    A volume that is no number is unknown, 0: databases have no NaN.
    """
    by_day = {bar.date: bar for bar in bars if all(map(_is_price, (bar.open, bar.high, bar.low, bar.close)))}
    found = [by_day[day] for day in sorted(by_day)]
    found = [bar if math.isfinite(bar.volume) else replace(bar, volume=0.0) for bar in found]
    if len(found) < least:
        raise NoHistory(f"{symbol}: {len(found)} usable days of prices; at least {least} are needed")
    return found


def _is_price(value: float) -> bool:
    return math.isfinite(value) and value > 0
