"""A price source that says what a test tells it, and counts who asks."""

from __future__ import annotations

from decimal import Decimal

from accounts.brokers.base import Quote
from signals.market.base import NoPrice

PRESENT: dict[str, tuple[Decimal, Decimal]] = {}
ASKED: list[str] = []


def say(symbol: str, bid: str, ask: str | None = None) -> None:
    PRESENT[symbol] = (Decimal(bid), Decimal(ask or bid))


class TablePrices:
    def quote(self, *, symbol, alert, account, received_at, now) -> Quote:
        ASKED.append(symbol)
        if symbol not in PRESENT:
            raise NoPrice("the table has no price")
        bid, ask = PRESENT[symbol]
        return Quote(symbol=symbol, bid=bid, ask=ask, last=bid, at=now, source="table")
