"""An order on an instrument that the venue no longer lists: its own matter, and nobody else's (X2)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import BrokerRejected, BrokerTemporary, FillReport, Rejection, ReportStatus
from signals.execution import cancel, resting, submit
from signals.models import Order, OrderStep, Position
from tests import factories
from tests.fakes.scripted_broker import rests

D = Decimal
pytestmark = pytest.mark.django_db
GONE = BrokerRejected("OKX has no OLD-USDT-SWAP", code=Rejection.UNKNOWN_INSTRUMENT)


def now():
    return datetime.now(UTC)


def ago(seconds):
    return now() - timedelta(seconds=seconds)


@pytest.fixture
def limit(full, strategy, venue, again):
    """Makes limit orders that rest at the venue, sent a minute ago."""

    def make(number, **fields):
        venue.answers = [rests]
        order = factories.order(full, strategy, number=number, **{"type": "limit", "price": D(49000), **fields})
        submit.submit(again(order))
        Order.objects.filter(pk=order.pk).update(sent_at=ago(60))
        return again(order)

    return make


@pytest.fixture
def unlisted(venue):
    """The venue forgets the instrument of this order, and the order with it."""
    names = set()

    def refuse(name):
        if name in names:
            raise GONE

    def forget(order):
        names.add(order.client_order_id)
        venue.ledger.pop(order.client_order_id, None)

    venue.before_fetch = refuse
    return forget


def run(account):
    Order.objects.update(due_at=ago(0.001))
    return resting.run(account.pk, now=now())


def later(seconds=91):
    """So much time passes."""
    for step in OrderStep.objects.filter(step="unlisted"):
        OrderStep.objects.filter(pk=step.pk).update(at=step.at - timedelta(seconds=seconds))


def fill_whole(venue, order):
    fill = FillReport(trade_id="1", quantity=D("0.01"), price=D(49000), fee=D(0), fee_currency="USDT", at=now())
    venue.show(order.client_order_id, status=ReportStatus.FILLED, fills=(fill,))


def test_those_after_it_are_asked_after(limit, unlisted, full, venue, again):
    old, moved = limit(1), limit(2)
    unlisted(old)
    fill_whole(venue, moved)
    run(full)
    assert venue.fetches == [old.client_order_id, moved.client_order_id]
    assert again(moved).status == "FILLED"
    assert again(old).status == "OPEN"


def test_it_ends_once_the_venue_has_said_so_twice(limit, unlisted, full, again, told):
    order = limit(1)
    unlisted(order)
    run(full)
    run(full)
    assert again(order).status == "OPEN"
    assert again(order).due_at > now() + timedelta(seconds=25)
    assert order.steps.filter(step="unlisted").count() == 1
    assert told() == []
    later()
    run(full)
    assert (again(order).status, again(order).code) == ("CANCELED", "gone")
    assert told() == [("order.canceled", "warning")]


def test_one_word_of_long_ago_does_not_count(limit, unlisted, full, again):
    order = limit(1)
    unlisted(order)
    run(full)
    later(seconds=3600)
    run(full)
    assert again(order).status == "OPEN"


def test_a_young_one_is_not_believed_gone(limit, unlisted, full, again):
    order = limit(1)
    unlisted(order)
    run(full)
    later()
    Order.objects.update(sent_at=ago(5))
    run(full)
    assert again(order).status == "OPEN"


def test_one_that_the_list_of_open_orders_has_is_not_gone(limit, full, venue, again, told):
    """A halted market: its orders rest, and cannot be asked after one by one."""
    order = limit(1)
    venue.fetch_error = GONE
    run(full)
    later()
    run(full)
    assert again(order).status == "OPEN"
    assert OrderStep.objects.filter(step="unlisted").count() == 0
    assert told() == []


def test_without_a_list_of_open_orders_it_is_not_believed_and_the_others_are_asked_after(
    limit, unlisted, full, venue, again
):
    old, moved = limit(1), limit(2)
    unlisted(old)
    fill_whole(venue, moved)
    venue.list_error = GONE
    run(full)
    later()
    run(full)
    assert (again(old).status, again(moved).status) == ("OPEN", "FILLED")


def test_what_is_found_is_applied_though_its_instrument_is_listed_no_longer(limit, full, venue, again):
    order = limit(1)
    fill_whole(venue, order)
    venue.instrument_error = GONE
    run(full)
    assert again(order).status == "FILLED"
    assert Position.objects.get().quantity == D("0.01")


def test_a_venue_that_is_busy_with_one_does_not_keep_the_others_waiting_for_ever(limit, full, venue, again):
    slow, moved = limit(1), limit(2)
    fill_whole(venue, moved)
    venue.show(slow.client_order_id, filled=D("0.001"))

    def busy(name):
        if name == slow.client_order_id:
            raise BrokerTemporary("busy", retry_after=3)

    venue.before_fetch = busy
    run(full)
    assert again(moved).due_at < now() + timedelta(seconds=3.1)
    assert again(slow).due_at > now() + timedelta(seconds=5)


class TestCancel:
    def test_it_ends_as_what_the_venue_does_not_know(self, limit, venue, again, told):
        order = limit(1)
        venue.ledger.clear()
        venue.instrument_error = GONE
        venue.cancel_answers = [GONE, GONE]
        order = cancel.ask(order, reason="not needed", now=now())
        cancel.send(order, now=now())
        assert again(order).status == "OPEN"
        assert told() == []
        later()
        cancel.send(again(order), now=now())
        assert (again(order).status, again(order).message) == ("CANCELED", "not needed")
        assert told() == [("order.canceled", "info")]

    def test_one_that_still_rests_calls_a_person(self, limit, venue, again, told):
        order = cancel.ask(limit(1), reason="not needed", now=now())
        venue.ledger["as listed"] = replace(venue.ledger[order.client_order_id])  # what no cancel reaches
        venue.cancel_answers = [GONE]
        cancel.send(order, now=now())
        assert (again(order).status, again(order).tries) == ("OPEN", 1)
        assert told() == [("order.stuck", "critical")]

    def test_one_whose_instrument_alone_is_unknown_is_cancelled_there(self, limit, venue, again):
        order = cancel.ask(limit(1), reason="not needed", now=now())
        venue.instrument_error = GONE
        cancel.send(order, now=now())
        assert again(order).status == "CANCELED"
        assert venue.cancels == [order.client_order_id]
