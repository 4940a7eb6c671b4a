"""The paper venue's books in memory, and what is asked of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import Instrument, Quote
from signals.models import PaperOrder
from signals.paper import margin, matching
from signals.paper.book import Book
from tradeops.core import rows

D = Decimal
LEAST = D("0.00000001")
SPOT = Instrument(symbol="BTC/USDT", base="BTC", quote="USDT", lot=LEAST, tick=LEAST, min_quantity=LEAST)
SWAP = Instrument(
    symbol="BTC/USDT:USDT", base="BTC", quote="USDT", settle="USDT", lot=LEAST, tick=LEAST, min_quantity=LEAST
)
START = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


class Venue:
    """One account's book, with orders and quotes in the order in which they come."""

    def __init__(self, instrument, **facts):
        self.instrument = instrument
        facts = {"amounts": {"USDT": D(1000)}, **facts}
        self.book = Book(account_id=1, **facts)
        self.now = START
        self.last = None
        self._number = 0

    def quote(self, bid, ask=None, last=None, *, bid_size=None, ask_size=None, after=1):
        self.now += timedelta(seconds=after)
        self.last = Quote(
            symbol=self.instrument.symbol,
            bid=D(bid),
            ask=D(ask or bid),
            last=D(last or bid),
            bid_size=None if bid_size is None else D(bid_size),
            ask_size=None if ask_size is None else D(ask_size),
            at=self.now,
            source="test",
        )
        matching.come(self.book, quote=self.last, instrument=self.instrument, at=self.now)
        if self.instrument.settle:
            margin.mark(self.book, quote=self.last, instrument=self.instrument, at=self.now)

    def order(self, side, quantity, **facts):
        self._number += 1
        facts = {
            name: D(value) if isinstance(value, str) and name in _AMOUNTS else value for name, value in facts.items()
        }
        made = rows.make(
            PaperOrder,
            account_id=1,
            client_order_id=f"{self._number:032d}",
            symbol=self.instrument.symbol,
            side=side,
            quantity=D(quantity),
            at=self.now,
            **facts,
        )
        matching.place(self.book, made, quote=self.last, instrument=self.instrument, at=self.now)
        return made

    def trades(self, order):
        return [(trade.quantity, trade.price) for trade in self.book.trades if trade.order is order]

    def cancel(self, order):
        matching.cancel(self.book, order, instrument=self.instrument, at=self.now)
        self.book.orders.remove(order)


_AMOUNTS = {"limit_price", "stop_price", "trailing", "leverage"}


@pytest.fixture
def spot():
    return Venue(SPOT)


@pytest.fixture
def swap():
    return Venue(SWAP)


@pytest.fixture
def venue():
    """One of one's own terms."""
    return Venue
