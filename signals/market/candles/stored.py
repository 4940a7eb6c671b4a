"""The daily bars that analyses have stored: `stored:yahoo`. Nobody is asked; how old they are, they say themselves."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import UTC, datetime

from accounts.models import Account
from signals.market.bars import DAY, Bar, NoBars
from signals.models import Bar as Stored


class StoredBars:
    def __init__(self, which: str = "yahoo") -> None:
        self._which = which

    def key(self, account: Account | None) -> Hashable:
        return self._which

    def bars(self, symbol: str, *, timeframe: str, count: int, account: Account | None, now: datetime) -> list[Bar]:
        if timeframe != DAY:
            raise NoBars("only daily bars are stored")
        rows = Stored.objects.filter(source=self._which, symbol=symbol, final=True).order_by("-date")[: count + 1]
        return [
            Bar(datetime(row.date.year, row.date.month, row.date.day, tzinfo=UTC), row.open, row.high, row.low,
                row.close, row.volume)
            for row in reversed(rows)
        ]  # fmt: skip
