"""The past's prices and bars in a replay: what was known at a moment, and never what came later."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from accounts.brokers.base import Quote
from accounts.models import Account
from signals.market.bars import DAY, Bar, NoBars
from signals.market.base import NoPrice
from signals.market.simulated import SimulatedPrices
from signals.models import Bar as StoredBar
from signals.receive import Alert

from .known import place

_TEXT = frozenset({"symbol", "source"})


class Tape:
    """Quotes by place and symbol, in the order of their times; and what each decision saw."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str], list[datetime]] = {}
        self._quotes: dict[tuple[str, str], list[Quote]] = {}
        self._seen: dict[tuple[str, str, str], Quote] = {}

    def put(self, prices: Iterable[Mapping[str, Any]], *, received: Mapping[str, str]) -> None:
        """As `known.prices` gives them; `received`: signal → when it came."""
        for one in prices:
            quote = _quote(one["quote"])
            key = (one["place"], quote.symbol)
            self._times.setdefault(key, []).append(quote.at)
            self._quotes.setdefault(key, []).append(quote)
            if one.get("signal") in received:
                self._seen[one["account"], quote.symbol, received[one["signal"]]] = quote

    def seen(self, *, account: str, symbol: str, received_at: datetime, now: datetime) -> Quote | None:
        """What was seen when that account's decision was made on the signal that came then; not if it came later."""
        found = self._seen.get((account, symbol, received_at.isoformat()))
        return found if found is None or found.at <= now else None

    def latest(self, where: str, symbol: str, *, now: datetime) -> Quote | None:
        number = bisect_right(self._times.get((where, symbol), []), now)
        return self._quotes[where, symbol][number - 1] if number else None


def _quote(told: Mapping[str, Any]) -> Quote:
    numbers = {name: Decimal(value) for name, value in told.items() if name not in _TEXT and name != "at"}
    return Quote(
        symbol=told["symbol"], source=told["source"], at=datetime.fromisoformat(told["at"]), **numbers
    )  # fmt: skip


tape = Tape()  # of this process: it replays once


class _Known:
    """A price source that knows what was stored of another."""

    kind = ""
    several = True

    def __init__(self, which: str = "") -> None:
        self._name = f"{self.kind}:{which}" if which else self.kind

    def quote(self, *, symbol: str, alert: Alert, account: Account, received_at: datetime, now: datetime) -> Quote:
        found = tape.seen(account=account.slug, symbol=symbol, received_at=received_at, now=now)
        found = found or tape.latest(place(self._name, account.slug), symbol, now=now)
        if found is None:
            raise NoPrice(f"no price of {symbol} is stored of that time or before")
        return found


class KnownVenue(_Known):
    kind = "venue"


class KnownYahoo(_Known):
    kind = "yahoo"


class KnownSimulated:
    """What was seen then, to the very second; else the same walk at the time of the replay."""

    def quote(self, *, symbol: str, alert: Alert, account: Account, received_at: datetime, now: datetime) -> Quote:
        found = tape.seen(account=account.slug, symbol=symbol, received_at=received_at, now=now)
        return found or SimulatedPrices().quote(
            symbol=symbol, alert=alert, account=account, received_at=received_at, now=now
        )


class BarsOfThen:
    """Daily bars that analyses have stored, of the days before."""

    def __init__(self, which: str = "yahoo") -> None:
        self._which = which

    def key(self, account: Account | None) -> Hashable:
        return self._which

    def bars(self, symbol: str, *, timeframe: str, count: int, account: Account | None, now: datetime) -> list[Bar]:
        if timeframe != DAY:
            raise NoBars("only daily bars are stored")
        rows = StoredBar.objects.filter(source=self._which, symbol=symbol, date__lt=now.date(), final=True)
        return [
            Bar(datetime(row.date.year, row.date.month, row.date.day, tzinfo=UTC), row.open, row.high, row.low,
                row.close, row.volume)
            for row in reversed(rows.order_by("-date")[:count])
        ]  # fmt: skip


class NoBarsOfThen:
    """A venue's own bars of that time are not stored."""

    def __init__(self, which: str = "") -> None:
        pass

    def key(self, account: Account | None) -> Hashable:
        return None

    def bars(self, symbol: str, *, timeframe: str, count: int, account: Account | None, now: datetime) -> list[Bar]:
        raise NoBars("bars of that time are not stored")
