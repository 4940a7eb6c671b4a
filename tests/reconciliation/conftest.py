from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import Credential
from signals.models import Order, ReconciliationCursor
from signals.reconciliation import cursor
from signals.reconciliation import run as reconciliation
from tests import factories
from tests.reconciliation import venue as venues

SWAP = "BTC/USDT:USDT"
YEAR = timedelta(days=365)


class Desk:
    """One account at a venue of this process, one strategy, and what a test does with them.

    `tells_mode`: whether the account hedges was told when its key was tested; else the comparison finds it out.
    """

    def __init__(self, *, slug: str = "okx-1", tells_mode: bool = False, **venue) -> None:
        self.venue = venues.VENUES[slug] = venues.MemoryVenue(**venue)
        market = "spot" if self.venue.spot else "swap"
        self.symbol = "BTC/USDT" if self.venue.spot else SWAP
        self.account = factories.account(slug, broker="memory", market=market, sandbox=True)
        self.strategy = factories.strategy(f"trend-{slug}", accounts=[self.account])
        self.number = 0
        if tells_mode:
            mode = "hedge" if self.venue.hedged else "one_way"
            Credential.objects.create(
                account=self.account, sealed="", host="", set_at=self.now(), next_check_at=self.now() + YEAR,
                facts={"position_mode": mode},
            )  # fmt: skip

    def now(self) -> datetime:
        return datetime.now(UTC)

    def order(self, side="buy", quantity="1", *, by=None, status="SUBMITTED", at_venue=True, **fields) -> Order:
        """An order that was sent, as `execution` leaves it; it rests at the venue unless told otherwise."""
        self.number += 1
        intent = fields.pop("intent", "open")
        position_side = fields.pop("position_side", "long" if (side == "buy") == (intent == "open") else "short")
        row = factories.order(
            self.account, by or self.strategy, number=self.number, symbol=fields.pop("symbol", self.symbol),
            side=side, quantity=Decimal(quantity), sent_quantity=Decimal(quantity), status=status, mode="live",
            position_side=position_side, intent=intent, sent_at=self.now(), **fields,
        )  # fmt: skip
        if at_venue:
            self.venue.place(
                row.client_order_id, row.symbol, venues.Side(side), Decimal(quantity), position_side=position_side
            )
        return row

    def filled(self, side="buy", quantity="1", **fields) -> Order:
        """An order of ours that the venue filled and our books have."""
        row = self.order(side, quantity, **fields)
        self.venue.fill(row.client_order_id, at=self.now())
        return self.report(row)

    def report(self, row: Order) -> Order:
        from signals.execution import apply

        found = self.venue.orders[row.client_order_id].report
        return apply.report(row, found, now=self.now(), base="BTC" if self.venue.spot else "")

    def hand(self, side="sell", quantity="1", **fields):
        """A trade that none of our orders asked for."""
        return self.venue.trade(
            fields.pop("symbol", self.symbol), venues.Side(side), Decimal(quantity),
            at=fields.pop("at", None) or self.now(), **fields,
        )  # fmt: skip

    def compare(self):
        """A comparison now, whoever asked."""
        cursor.ask([self.account.pk], now=self.now())
        self.account.refresh_from_db()
        return reconciliation.run(self.account, now=self.now(), pause=lambda seconds: None)

    def seen(self) -> None:
        """First sight: from here on, what the venue holds beyond ours must be explained."""
        assert self.compare().problem == ""

    def ours(self) -> Decimal:
        rows = self.account.positions.all()
        return sum((row.quantity if row.side == "long" else -row.quantity for row in rows), Decimal(0))

    def external(self) -> Decimal:
        return sum((row.quantity for row in self.account.external_positions.all()), Decimal(0))

    def old(self, minutes: int = 10) -> datetime:
        return self.now() - timedelta(minutes=minutes)

    def read_until(self) -> datetime:
        return ReconciliationCursor.objects.get(account=self.account).trades_until


@pytest.fixture
def desk(db, settings):
    """`desk(spot=…, hedged=…)`: an account at a venue that keeps its own books."""
    settings.BROKERS = {**settings.BROKERS, "memory": "tests.reconciliation.venue.MemoryBroker"}
    venues.VENUES.clear()
    yield Desk
    venues.VENUES.clear()


@pytest.fixture
def told():
    """The names and levels of the events of a pattern, in their order."""
    from relay.models import Message

    def found(prefix: str = "reconciliation.") -> list[tuple[str, str]]:
        return list(Message.objects.filter(event__startswith=prefix).order_by("id").values_list("event", "level"))

    return found
