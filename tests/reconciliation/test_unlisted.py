"""What the venue no longer lists the instrument of differs by itself: the rest of the account is compared (P1)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.brokers.base import BrokerRejected, Cause, Instrument, OrderReport, Rejection
from signals.models import ExternalTrade, Fill, Order, VenueDifference
from tests.reconciliation import venue as venues
from tests.reconciliation.conftest import SWAP, Desk

OLD = "OLD/USDT:USDT"
ONE = Decimal(1)


class Delisting(venues.MemoryBroker):
    """Lists no OLD (any more), and cannot be asked about anything of it."""

    def instrument(self, symbol: str) -> Instrument:
        self._check(symbol)
        return super().instrument(symbol)

    def fetch(self, client_order_id, *, symbol, now) -> OrderReport | None:
        self._check(symbol)
        return super().fetch(client_order_id, symbol=symbol, now=now)

    def cancel(self, client_order_id, *, symbol, now) -> OrderReport | None:
        self._check(symbol)
        return super().cancel(client_order_id, symbol=symbol, now=now)

    @staticmethod
    def _check(symbol: str) -> None:
        if symbol == OLD:
            raise BrokerRejected(f"the venue has no {symbol}", code=Rejection.UNKNOWN_INSTRUMENT)


@pytest.fixture
def here(db, settings):
    settings.BROKERS = {**settings.BROKERS, "memory": "tests.reconciliation.test_unlisted.Delisting"}
    venues.VENUES.clear()
    made = Desk()
    made.seen()
    yield made
    venues.VENUES.clear()


def open_differences() -> list[tuple[str, str, str, str]]:
    rows = VenueDifference.objects.filter(resolved_at=None).order_by("id")
    return [(row.kind, row.symbol, row.ours, row.venue) for row in rows]


def test_an_order_of_it_is_a_difference_and_the_rest_is_compared(here):
    row = here.order(status="OPEN", symbol=OLD, at_venue=False)
    Order.objects.filter(pk=row.pk).update(sent_at=here.old())
    missed = here.order(status="OPEN")
    here.venue.fill(missed.client_order_id, at=here.now())
    before = here.read_until()

    found = here.compare()

    assert (found.problem, found.differences, found.trades) == ("", 1, 1)
    assert open_differences() == [("order", OLD, "OPEN", "not there")]
    assert here.ours() == ONE
    assert here.read_until() > before
    row.refresh_from_db()
    assert row.status == "OPEN"  # that is what polls decide


def test_a_young_order_of_it_is_not_judged(here):
    here.order(status="OPEN", symbol=OLD, at_venue=False)
    found = here.compare()
    assert (found.problem, found.differences) == ("", 0)


def test_an_order_that_rests_there_although_it_has_ended_here_is_told(here):
    here.order(status="CANCELED", symbol=OLD)
    found = here.compare()
    assert (found.problem, found.differences) == ("", 1)
    assert open_differences() == [("order", OLD, "CANCELED", "OPEN buy 1")]


def test_a_trade_of_its_last_minute_is_booked(here):
    row = here.order(status="OPEN", symbol=OLD)
    here.venue.fill(row.client_order_id, at=here.now())
    found = here.compare()
    assert (found.problem, found.trades) == ("", 1)
    assert Fill.objects.get().order_id == row.pk
    assert here.ours() == ONE


def test_a_nameless_trade_of_it_is_external(here):
    here.venue.tells_ids = False
    row = here.order(status="CANCELED", symbol=OLD, at_venue=False)
    assert row.venue_order_id == ""
    here.hand("sell", "1", symbol=OLD)
    found = here.compare()
    assert (found.problem, found.trades) == ("", 1)
    assert ExternalTrade.objects.get().booked == 0


def test_what_the_venue_settles_of_it_is_borne_by_who_holds_it(here):
    """A contract that is delivered when it ends: there are no lots to be asked for any more."""
    here.filled("buy", "3", symbol=OLD)
    here.filled("buy", "1", symbol=SWAP)
    other = Desk(slug="okx-2").strategy
    second = here.filled("buy", "1", symbol=OLD, by=other)
    assert second.status == "FILLED"
    here.hand("sell", "4", symbol=OLD, cause=Cause.VENUE)
    found = here.compare()
    assert found.problem == ""
    held = {(row.strategy.slug, row.symbol): row.quantity for row in here.account.positions.all()}
    assert held == {("trend-okx-1", OLD): 0, ("trend-okx-1", SWAP): ONE, (other.slug, OLD): 0}
