"""Daily prices of an exchange, by ccxt's public data: `venue:okx`, `venue:binance`; days are UTC's.

`venue:okx@https://host` asks another address in the exchange's place: a mirror of one's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from accounts import throttle
from accounts.brokers.base import Access, BrokerError
from accounts.brokers.by_ccxt import library, markets
from accounts.brokers.by_ccxt.venue import Venue

from .base import DayBar, Headline, NoHistory, clean

DAY_MS = 86_400_000
PAGE = 300
MOST_PAGES = 40  # of an exchange that gives ten days at a time, or makes no progress


class VenueHistory:
    """Keeps its connections and the exchange's markets for as long as it lives: a run."""

    def __init__(self, which: str = "okx") -> None:
        """Raises ConfigurationError for an exchange that ccxt does not know, and for an address that is none."""
        self._name, _, self._base_url = which.partition("@")
        self._rate_ms = float(library.described(self._name).rateLimit)
        self._venues: dict[str, Venue] = {}
        self._venue("spot")

    def bars(self, symbol: str, *, days: int, now: datetime) -> list[DayBar]:
        venue = self._venue("swap" if ":" in symbol else "spot")
        try:
            venue.read(lambda: markets.ensure(venue.exchange, venue.access), "instruments")
            if symbol not in venue.exchange.markets:
                raise NoHistory(f"{symbol}: {self._name} has no such symbol; it writes them as BTC/USDT")
            rows = [row for page in _pages(venue, symbol, days=days, now=now) for row in page]
        except BrokerError as error:
            raise NoHistory(f"{symbol}: {self._name} gives no prices: {str(error)[:160]}") from error
        found = [bar for row in rows if (bar := _bar(row, now=now)) is not None]
        return clean(found, symbol=symbol)[-days:]

    def headlines(self, symbol: str, *, now: datetime) -> list[Headline]:
        return []

    def _venue(self, market: str) -> Venue:
        """The limits are counted with those of everybody who asks this exchange."""
        if market not in self._venues:
            limits = throttle.limits_of(self._name, rate_limit_ms=self._rate_ms)
            access = Access(
                account_id=0,
                slug=f"history of {self._name}",
                broker=self._name,
                market=market,
                throttle=throttle.Shared(limits=limits, address=self._base_url or self._name, owner="nobody"),
                base_url=self._base_url,
            )
            self._venues[market] = Venue(access)
        return self._venues[market]


def _pages(venue: Venue, symbol: str, *, days: int, now: datetime) -> Iterator[Sequence[Any]]:
    """Some exchanges give what comes after a day, whenever that was; others a window, empty before the listing."""
    end = int(now.timestamp() * 1000)
    since = end - days * DAY_MS
    for _ in range(MOST_PAGES):
        page = _page(venue, symbol, since)
        yield page
        newest = max((at for row in page if (at := _stamp(row)) is not None), default=0)
        since = newest + DAY_MS if newest >= since else since + PAGE * DAY_MS
        if since > end:
            break


def _page(venue: Venue, symbol: str, since: int) -> Sequence[Any]:
    exchange = venue.exchange
    found = venue.read(lambda: exchange.fetch_ohlcv(symbol, "1d", since=since, limit=PAGE), "history:candles")
    return found if isinstance(found, list) else []


def _bar(row: Any, *, now: datetime) -> DayBar | None:
    """None for a row that is none; what is in it, `clean` judges."""
    at = _stamp(row)
    if at is None or len(row) < 5:
        return None
    opened, high, low, close, volume = (_number(value) for value in [*row[1:6], 0.0][:5])
    final = at + DAY_MS <= now.timestamp() * 1000
    return DayBar(datetime.fromtimestamp(at / 1000, UTC).date(), opened, high, low, close, volume, final=final)


def _stamp(row: Any) -> int | None:
    """Milliseconds, of a day between 1970 and 2100."""
    at = row[0] if isinstance(row, list) and row else None
    return at if isinstance(at, int) and 0 < at < 4_102_444_800_000 else None


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
