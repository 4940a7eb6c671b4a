"""Bars of a venue symbol: open, high, low, close of equal stretches of time, with their age (D2, S4).

A source is one file and one line in settings.BAR_SOURCES. Floats: they feed indicators, never an order.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.brokers.base import BrokerError
from accounts.models import Account
from tradeops.core.errors import ConfigurationError, TradeOpsError

from . import cache

TIMEFRAMES = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
}
DAY = "1d"
# How long after its end the last bar is still the present one: the next has not ended, or has not arrived yet. Daily
# bars of an exchange rest over a weekend and a holiday.
_LATE = {DAY: timedelta(days=5)}
_ROUNDS = 2
_GRACE = timedelta(seconds=60)
MOST_KEPT_SECONDS = 60.0


class NoBars(TradeOpsError):
    """There are none that could be used; the message says why, for the decision."""

    code = "no_bars"


@dataclass(frozen=True)
class Bar:
    """`at` is when it begins. `volume` in base units; 0 where the source gives none."""

    at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Oldest first, only those that have ended. `until` is when the last one ended."""

    symbol: str
    timeframe: str
    source: str
    rows: tuple[Bar, ...]

    @property
    def until(self) -> datetime:
        """For a day it is the midnight after it."""
        return self.rows[-1].at + TIMEFRAMES[self.timeframe]

    def age_seconds(self, now: datetime) -> float:
        return max(0.0, (now - self.until).total_seconds())


class BarSource(Protocol):
    def bars(self, symbol: str, *, timeframe: str, count: int, account: Account | None, now: datetime) -> list[Bar]:
        """The last `count` or more, oldest first; the one that has not ended may be among them.

        May use the network, so never in a transaction. Raises NoBars, BrokerError or ConfigurationError.
        """

    def key(self, account: Account | None) -> Hashable:
        """What makes the bars of two accounts the same."""


def kinds() -> list[str]:
    return sorted(settings.BAR_SOURCES)


def bar_source(name: str) -> BarSource:
    """By the name of a price source, or `stored:<source>` for the daily bars of past analyses.

    Raises ConfigurationError for a name that this installation does not have.
    """
    kind, colon, which = name.partition(":")
    if kind not in settings.BAR_SOURCES or (colon and not which):
        raise ConfigurationError(f"there are no bars from {name!r}; there are those from {', '.join(kinds())}")
    make = import_string(settings.BAR_SOURCES[kind])
    found: BarSource = make(which) if which else make()
    return found


def read(name: str, *, symbol: str, timeframe: str, count: int, account: Account | None, now: datetime) -> Bars:
    """The last `count` bars that have ended, from a source by its name. At most a minute old in this process.

    Raises NoBars: none at all, too old, not the source's to give.
    """
    if name.partition(":")[0] == "message":
        raise NoBars("prices come from the message, which has no past; name a source of bars")
    try:
        source = bar_source(name)
        key = ("bars", name, source.key(account), symbol, timeframe, count)
        keep = min(MOST_KEPT_SECONDS, TIMEFRAMES[timeframe].total_seconds() / 10)
        found = cache.recent.get(
            key,
            lambda: source.bars(symbol, timeframe=timeframe, count=count, account=account, now=now),
            keep=keep,
        )
    except (BrokerError, ConfigurationError) as error:
        raise NoBars(f"{name} gives no bars of {symbol}: {error}") from error
    except TimeoutError as error:
        raise NoBars(f"{name} gives no bars of {symbol}: no answer in {cache.PATIENCE_SECONDS:.0f} s") from error
    return _usable(found, name=name, symbol=symbol, timeframe=timeframe, count=count, now=now)


def _usable(found: list[Bar], *, name: str, symbol: str, timeframe: str, count: int, now: datetime) -> Bars:
    ended = [bar for bar in found if bar.at + TIMEFRAMES[timeframe] <= now][-count:]
    if not ended:
        raise NoBars(f"{name} gives no bars of {symbol}")
    bars = Bars(symbol=symbol, timeframe=timeframe, source=name, rows=tuple(ended))
    late = _LATE.get(timeframe, TIMEFRAMES[timeframe] * _ROUNDS + _GRACE)
    if now - bars.until > late:
        until = f"{bars.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        raise NoBars(f"the last {timeframe} bar of {symbol} from {name} ended at {until}: too old")
    return bars
