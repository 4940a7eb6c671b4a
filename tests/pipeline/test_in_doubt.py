"""A signal that wants out while nobody knows whether the entry came about: nothing is left open behind it (S5, X6)."""

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from accounts.brokers.base import BrokerTemporary, BrokerUnknown
from signals.execution import reconcile
from signals.models import Order, Position
from signals.pipeline import work
from signals.pipeline.drain import drain
from signals.portfolio import exposure
from tests import factories
from tradeops.core import clock

D = Decimal
pytestmark = pytest.mark.django_db


def settled(signal):
    drain()
    signal.refresh_from_db()
    return signal


def resolve(order):
    Order.objects.filter(pk=order.pk).update(due_at=clock.now())
    reconcile.reconcile(Order.objects.select_related("account", "strategy", "signal").get(pk=order.pk))


@pytest.fixture
def strategy(full):
    return factories.strategy(accounts=[full], pyramiding=3)


@pytest.fixture
def lost(venue, strategy):
    """An entry that the venue took without saying so, and will not tell about for now."""
    return make_lost(venue, strategy)


def make_lost(venue, strategy):
    venue.answers = [BrokerUnknown("no answer in time")]
    Order.objects.update(due_at=clock.now())
    venue.fetch_error = BrokerTemporary("down", retry_after=600)
    settled(factories.signal(strategy))
    return Order.objects.get(status="UNKNOWN")


def exits():
    return list(Order.objects.filter(intent="close").order_by("id").values_list("status", "code"))


class TestNothingWasHeld:
    def test_the_exit_waits_and_closes_what_came_about(self, lost, strategy, venue):
        signal = settled(factories.signal(strategy, action="close"))
        assert signal.status == "APPROVED"
        assert exits() == [("PENDING", "after_doubt")]
        assert len(venue.received) == 1
        assert not work.waiting(now=clock.now())  # nothing to do until the venue tells
        venue.fetch_error = None
        resolve(lost)
        assert Position.objects.get().quantity == D("0.01")
        drain()
        assert exits() == [("FILLED", "")]
        assert not Position.objects.filter(is_open=True).exists()
        assert [request.closes for request in venue.received] == [False, True]

    def test_where_it_did_not_come_about_there_is_nothing_to_close(self, lost, strategy, venue):
        settled(factories.signal(strategy, action="close"))
        venue.fetch_error = None
        venue.ledger.clear()
        long_ago = clock.now() - timedelta(hours=1)
        Order.objects.filter(pk=lost.pk).update(expires_at=long_ago, send_expires_at=long_ago)
        resolve(lost)
        lost.refresh_from_db()
        assert lost.status == "EXPIRED"
        drain()
        assert exits() == [("CANCELED", "not_needed")]
        assert len(venue.received) == 1

    def test_a_second_one_finds_it_closed(self, lost, strategy, venue):
        settled(factories.signal(strategy, action="close"))
        assert settled(factories.signal(strategy, action="exit")).status == "APPROVED"
        venue.fetch_error = None
        resolve(lost)
        drain()
        assert exits() == [("FILLED", ""), ("CANCELED", "not_needed")]

    def test_of_the_other_side_nothing_is_closed(self, lost, strategy):
        signal = settled(factories.signal(strategy, action="close", direction="short"))
        assert signal.status == "REJECTED"
        assert exits() == []

    def test_a_target_on_the_other_side_closes_it_too_but_opens_nothing(self, lost, strategy, venue):
        signal = settled(factories.signal(strategy, action="sell", market_position="flat"))
        assert signal.status == "APPROVED"
        assert exits() == [("PENDING", "after_doubt")]


class TestSomethingIsHeld:
    def test_it_goes_at_once_and_the_rest_when_it_is_known(self, full, strategy, venue):
        settled(factories.signal(strategy))
        lost = make_lost(venue, strategy)
        settled(factories.signal(strategy, action="close"))
        assert exits() == [("FILLED", ""), ("PENDING", "after_doubt")]
        assert not Position.objects.filter(is_open=True).exists()
        venue.fetch_error = None
        resolve(lost)
        drain()
        assert exits() == [("FILLED", ""), ("FILLED", "")]
        assert not Position.objects.filter(is_open=True).exists()
        assert [request.quantity for request in venue.received if request.closes] == [D("0.01"), D("0.01")]


class TestAnExitIsInDoubt:
    """A second exit sells nothing that the first may have sold: what is left may be another's."""

    @pytest.fixture
    def leaving(self, strategy, venue):
        settled(factories.signal(strategy))
        settled(factories.signal(strategy))
        assert Position.objects.get().quantity == D("0.02")
        venue.answers = [BrokerUnknown("no answer in time")]
        venue.fetch_error = BrokerTemporary("down", retry_after=600)

        def leave(action):
            settled(factories.signal(strategy, action=action))
            return Order.objects.get(status="UNKNOWN")

        return leave

    def closed(self, venue):
        return [request.quantity for request in venue.received if request.closes]

    def test_the_next_one_waits_and_finds_nothing_left(self, leaving, strategy, venue):
        first = leaving("close")
        signal = settled(factories.signal(strategy, action="close"))
        assert signal.status == "APPROVED"
        assert exits() == [("UNKNOWN", "unknown"), ("PENDING", "after_doubt")]
        venue.fetch_error = None
        resolve(first)
        drain()
        assert exits() == [("FILLED", ""), ("CANCELED", "not_needed")]
        assert self.closed(venue) == [D("0.02")]

    def test_where_the_first_did_not_come_about_one_of_them_closes_it(self, leaving, strategy, venue):
        first = leaving("close")
        settled(factories.signal(strategy, action="close"))
        venue.fetch_error = None
        venue.ledger.pop(first.client_order_id)
        long_ago = clock.now() - timedelta(hours=1)
        Order.objects.filter(pk=first.pk).update(expires_at=long_ago, send_expires_at=long_ago)
        resolve(first)
        Order.objects.filter(status="PENDING").update(due_at=clock.now())
        drain()
        assert not Position.objects.filter(is_open=True).exists()
        assert self.closed(venue) == [D("0.02"), D("0.02")]  # the first of them never arrived
        assert Order.objects.filter(intent="close", status="FILLED").count() == 1

    def test_what_is_surely_left_goes_at_once(self, leaving, strategy, venue):
        first = leaving("sell")
        settled(factories.signal(strategy, action="sell"))
        assert exits() == [("UNKNOWN", "unknown"), ("FILLED", "")]
        settled(factories.signal(strategy, action="close"))
        assert exits()[2:] == [("PENDING", "after_doubt")]
        venue.fetch_error = None
        resolve(first)
        drain()
        assert exits() == [("FILLED", ""), ("FILLED", ""), ("CANCELED", "not_needed")]
        assert self.closed(venue) == [D("0.01"), D("0.01")]

    def test_a_stop_in_doubt_rests_and_holds_nothing_back(self, leaving, strategy, venue):
        order = leaving("close")
        assert [*exposure.read().leaving.values()] == [{"long": D("0.02")}]
        Order.objects.filter(pk=order.pk).update(type="stop")
        assert exposure.read().leaving == {}


def test_another_account_of_the_strategy_goes_on_meanwhile(full, swap, venue):
    strategy = factories.strategy(accounts=[full, swap], pyramiding=3)
    venue.answers = [BrokerUnknown("no answer in time")]
    venue.fetch_error = BrokerTemporary("down", retry_after=600)
    settled(factories.signal(strategy))
    settled(factories.signal(strategy, action="close"))
    assert exits() == [("PENDING", "after_doubt"), ("FILLED", "")]
    signal = settled(factories.signal(strategy))
    assert signal.status == "PARTIAL"
    assert Position.objects.get(is_open=True).account == swap


def test_a_fill_that_is_booked_while_the_exposure_is_read_is_closed_too(lost, strategy, venue, monkeypatch):
    """On PostgreSQL each statement sees what is committed by then."""
    venue.fetch_error = None
    plain, calls = exposure.rows, []

    def then_it_is_booked(read):
        def first(*args, **fields):
            found = read(*args, **fields)
            calls.append(read.__name__)
            if len(calls) == 1:
                resolve(lost)
            return found

        return first

    between = SimpleNamespace(select=then_it_is_booked(plain.select), fetch=then_it_is_booked(plain.fetch))
    monkeypatch.setattr(exposure, "rows", between)
    assert settled(factories.signal(strategy, action="close")).status == "APPROVED"

    assert calls[:2] == ["select", "fetch"]
    assert exits() == [("FILLED", ""), ("CANCELED", "not_needed")]
    assert not Position.objects.filter(is_open=True).exists()
    assert [request.closes for request in venue.received] == [False, True]
