"""Nobody knows what became of an order: it is asked after, never sent again on a guess (X6, X7)."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import BrokerRejected, BrokerTemporary, BrokerUnknown
from signals.execution import claim, reconcile, submit
from signals.models import Order, OrderAnswer, Position
from tests import factories
from tests.fakes.scripted_broker import filled
from tradeops.core import holder
from tradeops.core.errors import Conflict

D = Decimal
pytestmark = pytest.mark.django_db


def now():
    return datetime.now(UTC)


def ago(seconds):
    return now() - timedelta(seconds=seconds)


def due(order, again, **fields):
    Order.objects.filter(pk=order.pk).update(due_at=ago(0.001), **fields)
    return again(order)


@pytest.fixture(scope="module")
def dead():
    """What a worker of this machine that is gone would have left: our token with the process id of an ended child."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return lambda: holder.of_this_process().token().replace(f":{os.getpid()}:", f":{child.pid}:")


class TestWithExpiry:
    @pytest.fixture
    def lost(self, venue, full, strategy, again):
        venue.answers = [BrokerUnknown("no answer in time", venue_code="504", raw="<html>504</html>")]
        order = factories.order(full, strategy)
        submit.submit(again(order))
        return again(order)

    def test_it_says_what_the_venue_said(self, lost, told):
        assert (lost.status, lost.code, lost.venue_code) == ("UNKNOWN", "unknown", "504")
        assert lost.unknown_since is not None
        assert told() == [("order.unknown", "warning")]
        assert OrderAnswer.objects.get().body == "<html>504</html>"

    def test_it_is_asked_again_soon(self, lost):
        assert lost.due_at - lost.unknown_since < timedelta(seconds=0.5)

    @pytest.mark.parametrize(
        ("type", "age", "status"),
        [
            ("market", 8.0, "UNKNOWN"),  # 5 s until the venue refuses it, 4 s until it shows what it took
            ("market", 9.5, "PENDING"),
            ("stop", 9.5, "UNKNOWN"),  # whose expiry OKX does not keep
            ("stop", 20.5, "PENDING"),
        ],
    )
    def test_not_found_is_proof_only_after_expiry_and_grace(self, lost, venue, again, type, age, status):
        venue.ledger.clear()
        found = due(lost, again, type=type, send_expires_at=ago(age - claim.SEND_SECONDS), expires_at=ago(-60))
        reconcile.reconcile(found)
        row = again(lost)
        assert row.status == status
        assert len(venue.received) == 1
        assert bool(row.sender_token) is False  # it heard the venue's silence itself

    def test_what_the_venue_never_had_is_sent_again_under_the_same_id(self, lost, venue, again, told):
        venue.ledger.clear()
        reconcile.reconcile(due(lost, again, send_expires_at=ago(10)))
        assert (again(lost).tries, again(lost).unknown_since) == (1, None)
        submit.submit(again(lost))
        assert again(lost).status == "FILLED"
        assert [request.client_order_id for request in venue.received] == [lost.client_order_id] * 2
        assert told() == [("order.unknown", "warning"), ("order.filled", "info")]

    def test_an_entry_that_is_too_old_by_then_is_not_sent_again(self, lost, venue, again):
        venue.ledger.clear()
        reconcile.reconcile(due(lost, again, send_expires_at=ago(10), expires_at=ago(1)))
        assert (again(lost).status, again(lost).code) == ("EXPIRED", "stale")
        assert len(venue.received) == 1

    def test_a_late_order_is_adopted_not_doubled(self, lost, venue, again):
        """The venue showed it only after it was put back, so the send finds it there."""
        shown = dict(venue.ledger)
        venue.ledger.clear()
        reconcile.reconcile(due(lost, again, send_expires_at=ago(10)))
        venue.ledger.update(shown)
        venue.answers = [BrokerRejected("duplicate", code="duplicate_id", venue_code="51016")]
        submit.submit(again(lost))
        row = again(lost)
        assert (row.status, row.filled_quantity) == ("FILLED", D("0.01"))
        assert Position.objects.get().quantity == D("0.01")

    def test_a_duplicate_that_the_venue_does_not_show_is_unknown(self, full, strategy, venue, again):
        venue.answers = [BrokerRejected("duplicate", code="duplicate_id", venue_code="51016")]
        order = factories.order(full, strategy)
        submit.submit(again(order))
        assert (again(order).status, again(order).venue_code) == ("UNKNOWN", "51016")

    def test_the_venues_own_wait_is_kept(self, lost, venue, again):
        venue.fetch_error = BrokerTemporary("slow down", retry_after=7)
        reconcile.reconcile(due(lost, again))
        assert again(lost).due_at - now() > timedelta(seconds=6)

    def test_a_fault_of_the_broker_after_the_send_is_a_doubt_too(self, full, strategy, venue, again):
        venue.answers = [KeyError("ordId")]
        order = factories.order(full, strategy)
        submit.submit(again(order))
        assert again(order).status == "UNKNOWN"
        assert again(order).message == "KeyError in the full broker after it may have sent the order"


class TestTheLane:
    def test_entries_wait_and_exits_pass(self, venue, full, strategy, again):
        factories.order(full, strategy, status="UNKNOWN", unknown_since=now(), due_at=ago(-60))
        entry = factories.order(full, strategy, number=2)
        way_out = factories.order(full, strategy, number=3, intent="close", side="sell")
        Position.objects.create(
            strategy=strategy, account=full, symbol="BTC/USDT", side="long", quantity=D(1), is_open=True,
            updated_at=now(),
        )  # fmt: skip
        assert [row.pk for row in claim.sendable(now=now())] == [way_out.pk]
        submit.submit(again(way_out))
        assert again(way_out).status == "FILLED"
        assert submit.submit(again(entry)) is None
        assert again(entry).status == "PENDING"

    def test_an_entry_that_has_become_too_old_behind_it_ends(self, venue, full, strategy, again):
        factories.order(full, strategy, status="UNKNOWN", unknown_since=now(), due_at=ago(-60))
        entry = factories.order(full, strategy, number=2, expires_at=ago(1))
        assert [row.pk for row in claim.sendable(now=now())] == [entry.pk]
        submit.submit(again(entry))
        assert (again(entry).status, again(entry).code) == ("EXPIRED", "stale")
        assert venue.received == []

    def test_another_symbol_and_another_account_go_on(self, venue, full, account, strategy):
        factories.order(full, strategy, status="UNKNOWN", unknown_since=now(), due_at=ago(-60))
        other_symbol = factories.order(full, strategy, number=2, symbol="ETH/USDT")
        other_account = factories.order(account, strategy, number=3)
        assert {row.pk for row in claim.sendable(now=now())} == {other_symbol.pk, other_account.pk}


class TestFrozen:
    @pytest.fixture
    def lost(self, venue, full, strategy, again):
        venue.answers = [BrokerUnknown("no answer in time")]
        order = factories.order(full, strategy)
        submit.submit(again(order))
        venue.fetch_error = BrokerTemporary("down")
        return again(order)

    def test_people_are_told_once_after_thirty_seconds_and_once_when_it_is_over(self, lost, venue, again, told):
        reconcile.reconcile(due(lost, again, unknown_since=ago(29)))
        assert [event for event, _ in told()] == ["order.unknown"]
        assert again(lost).due_at <= again(lost).unknown_since + timedelta(seconds=30)  # not later than that
        for age in (30, 31, 300):
            reconcile.reconcile(due(lost, again, unknown_since=ago(age)))
        assert told()[1:] == [("order.frozen", "critical")]
        venue.fetch_error = None
        reconcile.reconcile(due(lost, again))
        assert again(lost).status == "FILLED"
        assert told()[2:] == [("order.filled", "info"), ("order.resolved", "warning")]

    def test_a_doubt_that_ends_in_time_is_not_told(self, lost, venue, again, told):
        venue.fetch_error = None
        reconcile.reconcile(due(lost, again))
        assert told() == [("order.unknown", "warning"), ("order.filled", "info")]

    def test_now_brings_the_question_forward(self, lost, again, steps):
        Order.objects.update(due_at=ago(-20))
        assert reconcile.due(now=now()) == []
        reconcile.now(again(lost), by="ann")
        assert [row.pk for row in reconcile.due(now=now())] == [lost.pk]
        assert steps(lost)[-1] == "asked_after"

    def test_there_is_nothing_to_ask_about_what_is_over(self, full, strategy):
        order = factories.order(full, strategy, status="FILLED")
        with pytest.raises(Conflict, match="nothing to ask"):
            reconcile.now(order, by="ann")

    def test_a_person_says_that_it_never_arrived(self, lost, venue, again, steps):
        venue.fetch_error = None
        reconcile.never_arrived(again(lost), by="ann", reason="support says so")
        assert again(lost).status == "PENDING"
        assert "never_arrived" in steps(lost)
        submit.submit(again(lost))
        assert [request.client_order_id for request in venue.received] == [lost.client_order_id] * 2

    def test_an_old_entry_that_never_arrived_ends(self, lost, again):
        Order.objects.update(expires_at=ago(1))
        reconcile.never_arrived(again(lost), by="ann", reason="support says so")
        assert again(lost).status == "EXPIRED"

    def test_only_of_what_is_unknown(self, full, strategy):
        with pytest.raises(Conflict, match="is OPEN, not UNKNOWN"):
            reconcile.never_arrived(factories.order(full, strategy, status="OPEN"), by="ann", reason="x")


class TestWithoutExpiry:
    @pytest.fixture
    def orphan(self, no_expiry, strategy, again, venue, dead):
        """SUBMITTED by a worker that is gone; nobody knows whether it had sent it."""
        order = factories.order(no_expiry, strategy)
        claim.claim(again(order), quantity=D("0.01"), steps=(), now=now())
        token = dead()
        Order.objects.update(claim_token=token, sender_token=token)
        return order

    def test_not_found_is_no_proof_while_the_sender_may_live(self, no_expiry, strategy, venue, again):
        order = factories.order(no_expiry, strategy)
        claim.claim(again(order), quantity=D("0.01"), steps=(), now=now())
        Order.objects.update(lease_until=ago(600), send_expires_at=ago(600))  # stopped for long, not dead
        for _ in range(3):
            reconcile.reconcile(due(order, again))
        assert again(order).status == "UNKNOWN"
        assert again(order).sender_gone_at is None
        assert venue.received == []

    def test_nor_where_the_sender_itself_heard_nothing(self, no_expiry, strategy, venue, again, dead):
        venue.answers = [BrokerUnknown("no answer in time")]
        order = factories.order(no_expiry, strategy)
        submit.submit(again(order))
        venue.ledger.clear()
        reconcile.reconcile(due(order, again, send_expires_at=ago(600)))
        assert (again(order).status, again(order).sender_gone_at) == ("UNKNOWN", None)
        assert len(venue.received) == 1

    def test_after_the_senders_death_and_a_grace_it_is(self, orphan, venue, again, steps):
        [found] = reconcile.due(now=now())
        reconcile.reconcile(found)
        row = again(orphan)
        assert row.status == "UNKNOWN"
        assert row.sender_gone_at is not None
        assert steps(orphan)[-2:] == ["sender_gone", "unknown"]
        reconcile.reconcile(due(orphan, again))
        assert again(orphan).status == "UNKNOWN"
        reconcile.reconcile(due(orphan, again, sender_gone_at=ago(11)))
        row = again(orphan)
        assert (row.status, row.sender_token, row.sender_gone_at) == ("PENDING", "", None)
        assert venue.received == []
        submit.submit(row)
        assert again(orphan).status == "FILLED"
        assert len(venue.received) == 1

    def test_a_late_order_is_adopted(self, orphan, venue, again):
        [found] = reconcile.due(now=now())
        reconcile.reconcile(found)
        from signals.execution import request
        from tests.fakes.scripted_broker import NoExpiryBroker

        asked = request.build(again(orphan), NoExpiryBroker.instrument(None, "BTC/USDT"), D("0.01"))
        venue.ledger[orphan.client_order_id] = filled(asked, at=now())
        reconcile.reconcile(due(orphan, again))
        assert again(orphan).status == "FILLED"
        assert venue.received == []
