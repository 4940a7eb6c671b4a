"""Maintenance windows: entries are rejected, exits wait and then go, alerts are stored without telling anybody (D7)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from relay.models import AlarmEvent, Channel, Delivery, Message, Notification
from signals.execution import runner
from signals.models import Decision, MaintenanceWindow, Order, Position
from signals.pipeline.drain import drain
from signals.risk import maintenance
from tests import factories
from tradeops.core import clock, configuration, events
from tradeops.core.errors import Conflict, Refused
from tradeops.core.events import Event, Level

D = Decimal
HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db


def close_down(kind, key, *, begins=timedelta(0), lasts=HOUR):
    now = clock.now()
    return maintenance.add(
        kind=kind, key=key, starts_at=now + begins, ends_at=now + begins + lasts, reason="upgrade", by="alice", now=now
    )


def over(row):
    """As it is when its time has come, with every process's cache fresh."""
    MaintenanceWindow.objects.filter(pk=row.pk).update(
        starts_at=clock.now() - 2 * HOUR, ends_at=clock.now() - timedelta(seconds=1)
    )
    configuration.changed()


def send(strategy, **alert):
    signal = factories.signal(strategy, **alert)
    drain()
    signal.refresh_from_db()
    return signal


@pytest.fixture
def paper():
    return factories.account()


@pytest.fixture
def strategy(paper):
    return factories.strategy(accounts=[paper])


@pytest.mark.parametrize(("kind", "key"), [("venue", "paper"), ("strategy", "trend")])
class TestAccounts:
    def test_entries_are_rejected_and_say_why(self, strategy, kind, key):
        row = close_down(kind, key)
        signal = send(strategy)
        [decision] = factories.decisions(signal)
        assert (signal.status, Order.objects.count()) == ("REJECTED", 0)
        assert decision.reason == f"maintenance of {kind} {key} until {row.ends_at:%Y-%m-%d %H:%M} UTC (upgrade)"

    def test_exits_wait_and_go_when_it_is_over(self, strategy, kind, key):
        send(strategy)
        row = close_down(kind, key)
        signal = send(strategy, action="close")
        order = Order.objects.get(signal=signal)
        assert (order.status, order.code, order.due_at) == ("PENDING", "maintenance", row.ends_at)
        assert signal.status == "APPROVED"
        over(row)
        Order.objects.filter(pk=order.pk).update(due_at=clock.now())
        runner.run(now=clock.now())
        order.refresh_from_db()
        assert order.status == "FILLED"
        assert not Position.objects.filter(is_open=True).exists()

    def test_ended_by_a_person_what_it_held_goes_at_once(self, strategy, kind, key):
        send(strategy)
        row = close_down(kind, key)
        send(strategy, action="close")
        maintenance.end(pk=row.pk, by="bob", now=clock.now())
        drain()
        assert not Position.objects.filter(is_open=True).exists()
        assert send(strategy).status == "APPROVED"
        with pytest.raises(Conflict, match="over already"):
            maintenance.end(pk=row.pk, by="bob", now=clock.now())

    def test_one_that_has_not_begun_changes_nothing(self, strategy, kind, key):
        close_down(kind, key, begins=HOUR)
        assert send(strategy).status == "APPROVED"

    def test_an_entry_that_waits_when_it_begins_is_not_sent(self, strategy, paper, kind, key):
        order = factories.order(paper, strategy)
        close_down(kind, key)
        runner.run(now=clock.now())
        order.refresh_from_db()
        assert (order.status, order.code) == ("CANCELED", "maintenance")
        assert order.message == "a maintenance began before the order could be sent"


def test_other_venues_and_strategies_trade_on(strategy):
    close_down("venue", "okx")
    factories.strategy("other")
    close_down("strategy", "other")
    assert send(strategy).status == "APPROVED"


class TestEndpoints:
    @pytest.fixture
    def two(self):
        return factories.strategy(endpoints=[factories.endpoint(), factories.endpoint("vps-2")])

    def test_entries_are_rejected_for_this_one_only(self, two):
        close_down("endpoint", "vps-1")
        signal = send(two)
        found = {row.endpoint.slug: (row.outcome, row.reason[:31]) for row in factories.decisions(signal)}
        assert found == {
            "vps-1": ("REJECTED", "maintenance of endpoint vps-1 u"), "vps-2": ("APPROVED", "all rules passed"),
        }  # fmt: skip
        assert Delivery.objects.get().endpoint.slug == "vps-2"

    def test_exits_wait_for_the_end_and_no_shorter(self, two):
        row = close_down("endpoint", "vps-1", lasts=5 * HOUR)
        send(two, action="close")
        held, other = Delivery.objects.order_by("endpoint__slug")
        assert (held.due_at, held.expires_at) == (row.ends_at, row.ends_at + timedelta(minutes=1))
        assert other.due_at < clock.now()
        maintenance.end(pk=row.pk, by="bob", now=clock.now())
        held.refresh_from_db()
        assert held.due_at <= clock.now()

    def test_a_strategys_window_holds_all_of_its_messages(self, two):
        row = close_down("strategy", "trend")
        assert send(two).status == "REJECTED"
        send(two, action="close")
        assert set(Delivery.objects.values_list("due_at", flat=True)) == {row.ends_at}


class TestAlerts:
    @pytest.fixture(autouse=True)
    def channel(self):
        Channel.objects.create(slug="ops", kind="telegram", target="1", events=["*"], level="info")
        configuration.changed()

    def tell(self, level=Level.CRITICAL, **fields):
        Notification.objects.all().delete()
        AlarmEvent.objects.all().delete()
        events.publish(Event(name="account.sync", at=clock.now(), level=level, title="it is down", **fields))
        return Message.objects.latest("pk").body, Notification.objects.count() + AlarmEvent.objects.count()

    def test_they_are_stored_and_nobody_is_told(self, strategy):
        close_down("venue", "paper")
        assert self.tell(account="paper-1") == ({"muted": True}, 0)
        assert self.tell(account="paper-1", level=Level.ERROR) == ({"muted": True}, 0)

    def test_of_endpoints_and_strategies_too(self, strategy):
        factories.endpoint()
        close_down("endpoint", "vps-1")
        assert self.tell(endpoint="vps-1") == ({"muted": True}, 0)
        close_down("strategy", "trend")
        assert self.tell(strategy="trend") == ({"muted": True}, 0)

    def test_everything_else_is_told(self, strategy):
        row = close_down("venue", "okx")
        assert self.tell(account="paper-1") == ({}, 1)
        assert self.tell() == ({}, 1)
        maintenance.end(pk=row.pk, by="bob", now=clock.now())
        assert self.tell(account="paper-1") == ({}, 1)

    def test_that_one_begins_and_ends_is_told(self, strategy):
        row = close_down("strategy", "trend")
        maintenance.end(pk=row.pk, by="bob", now=clock.now())
        told = Notification.objects.filter(message__event__startswith="maintenance.")
        assert list(told.order_by("pk").values_list("message__event", flat=True)) == [
            "maintenance.planned", "maintenance.over",
        ]  # fmt: skip


class TestPlanning:
    @pytest.mark.parametrize(
        ("kind", "key", "message"),
        [
            ("venue", "nowhere", "there is no venue 'nowhere'"),
            ("endpoint", "vps-9", "there is no endpoint 'vps-9'"),
            ("strategy", "none", "there is no strategy 'none'"),
            ("moon", "x", "there is no 'moon' to maintain"),
        ],
    )
    def test_only_what_there_is(self, kind, key, message):
        with pytest.raises(Refused, match=message):
            close_down(kind, key)

    @pytest.mark.parametrize("lasts", [timedelta(0), -HOUR])
    def test_it_must_end_after_it_begins(self, strategy, lasts):
        with pytest.raises(Refused, match="must end after it begins"):
            close_down("strategy", "trend", lasts=lasts)

    def test_one_after_another_is_one(self, strategy):
        first = close_down("strategy", "trend")
        now = clock.now()
        second = maintenance.add(
            kind="strategy",
            key="trend",
            starts_at=first.ends_at,
            ends_at=first.ends_at + HOUR,
            reason="",
            by="a",
            now=now,
        )
        assert maintenance.until(("strategy", "trend"), now=now) == second.ends_at
        assert Decision.objects.count() == 0
