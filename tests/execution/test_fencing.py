"""A worker that was stopped past its lease and goes on: what it writes then changes nothing (X7)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import BrokerRejected, BrokerTemporary, BrokerUnknown, FillReport, OrderReport, ReportStatus
from signals.execution import apply, claim, reconcile, submit
from signals.models import Fill, Order, OrderAnswer, OrderStep, Position
from tests import factories
from tests.fakes.scripted_broker import filled, rests
from tradeops.core.errors import Conflict

D = Decimal
pytestmark = pytest.mark.django_db


def now():
    return datetime.now(UTC)


@pytest.fixture
def order(full, strategy):
    return factories.order(full, strategy)


@pytest.fixture
def stale(order, again):
    """The order as a worker knows it that claimed it; meanwhile another one has taken it over."""
    slow = claim.claim(again(order), quantity=D("0.01"), steps=(), now=now())
    Order.objects.update(claim_token="other:1:worker.1", lease_until=now() + timedelta(seconds=10))
    return slow


def untouched(order, again):
    row = again(order)
    return row.status, row.claim_token, row.tries, row.code, Fill.objects.count()


def report(order, status, *fills, **more):
    return OrderReport(
        client_order_id=order.client_order_id, venue_order_id="v1", status=ReportStatus(status), fills=fills, **more
    )


def fill(trade_id="1", quantity="0.01"):
    return FillReport(trade_id=trade_id, quantity=D(quantity), price=D(50000), fee=D(0), fee_currency="USDT", at=now())


MINE = ("SUBMITTED", "other:1:worker.1", 0, "", 0)


class TestWhatIsFenced:
    def test_not_sent(self, stale, order, again, events_seen):
        apply.not_sent(stale, now=now(), message="busy", due_at=now())
        assert untouched(order, again) == MINE
        assert not OrderStep.objects.filter(step="not_sent").exists()
        assert events_seen() == []

    def test_unknown(self, stale, order, again, events_seen):
        apply.unknown(stale, now=now(), message="no answer", look_again_at=now())
        assert untouched(order, again) == MINE
        assert events_seen() == []

    def test_finish(self, stale, order, again, events_seen):
        with pytest.raises(Conflict, match="in other hands"):
            apply.finish(stale, "REJECTED", now=now(), code="x", message="x", steps=[("round", "1 → 1")])
        assert untouched(order, again) == MINE
        assert not OrderStep.objects.filter(step__in=["rejected", "round"]).exists()
        assert events_seen() == []

    def test_a_question_that_brought_nothing(self, stale, order, again):
        apply.look_again(stale, at=now() + timedelta(hours=1))
        assert untouched(order, again) == MINE
        assert again(order).due_at < now()

    @pytest.mark.parametrize("status", ["REJECTED", "EXPIRED"])
    def test_a_refusal_of_a_send_that_is_no_longer_the_orders(self, stale, order, again, events_seen, status):
        apply.report(stale, report(order, status, code="expired"), now=now(), base="BTC")
        assert untouched(order, again) == MINE
        assert events_seen() == []

    @pytest.mark.parametrize("error", [BrokerRejected("no", code="x"), BrokerTemporary("busy"), BrokerUnknown("?")])
    def test_the_whole_way_of_a_send(self, order, again, venue, error, events_seen):
        """Taken over while the venue's answer is on its way."""
        venue.answers = [error]
        venue.after_place = lambda _: Order.objects.update(claim_token="other:1:worker.1")
        submit.submit(again(order))
        assert untouched(order, again) == MINE
        assert events_seen() == []
        assert len(venue.received) == 1

    def test_a_reconciler_that_slept_over_what_it_read(self, order, again, venue):
        """It read "not found" after the expiry, and somebody else took the order over before it could say so."""
        venue.answers = [BrokerUnknown("no answer")]
        submit.submit(again(order))
        venue.ledger.clear()
        Order.objects.update(due_at=now(), send_expires_at=now() - timedelta(seconds=60))
        venue.before_fetch = lambda _: Order.objects.update(claim_token="other:1:worker.1")
        reconcile.reconcile(again(order))
        assert again(order).status == "UNKNOWN"
        assert len(venue.received) == 1


class TestWhatCountsAllTheSame:
    def test_the_venues_fills(self, stale, order, again):
        apply.report(stale, report(order, "FILLED", fill()), now=now(), base="BTC")
        assert again(order).status == "FILLED"
        assert Position.objects.get().quantity == D("0.01")

    def test_that_it_rests_there(self, stale, order, again):
        apply.report(stale, report(order, "OPEN"), now=now(), base="BTC")
        row = again(order)
        assert (row.status, row.claim_token, row.lease_until) == ("OPEN", "", None)

    def test_fills_of_a_refusal_are_booked_though_its_status_is_not(self, stale, order, again):
        apply.report(stale, report(order, "EXPIRED", fill(quantity="0.004")), now=now(), base="BTC")
        row = again(order)
        assert (row.status, row.filled_quantity) == ("SUBMITTED", D("0.004"))

    def test_what_was_put_back_is_adopted_when_the_venue_had_it_after_all(self, order, again, venue):
        apply.report(again(order), report(order, "OPEN"), now=now(), base="BTC")
        assert again(order).status == "OPEN"
        assert submit.submit(again(order)) is None
        assert venue.received == []


class TestTheLastCheck:
    def test_a_claim_is_ours_until_somebody_takes_it(self, order, again):
        claimed = claim.claim(again(order), quantity=D("0.01"), steps=(), now=now())
        assert claim.is_ours(claimed)
        Order.objects.update(claim_token="other:1:worker.1")
        assert not claim.is_ours(claimed)
        Order.objects.update(claim_token=claimed.claim_token, status="PENDING")
        assert not claim.is_ours(claimed)

    def test_an_order_on_its_way_has_its_senders_token_for_as_long_as_it_is_in_doubt(self, order, again, venue):
        claimed = claim.claim(again(order), quantity=D("0.01"), steps=(), now=now())
        assert again(order).sender_token == claimed.claim_token
        apply.unknown(claimed, now=now(), message="the reconciler got no answer", look_again_at=now())
        assert again(order).sender_token == claimed.sender_token
        assert again(order).claim_token == ""


def test_answers_of_a_venue_are_kept_with_their_time(full, strategy, venue, again):
    order = factories.order(full, strategy)
    venue.answers = [lambda request: rests(request)]
    submit.submit(again(order))
    kept = OrderAnswer.objects.get()
    assert (kept.call, kept.outcome, kept.body) == ("place", "OPEN", '{"state": "live"}')
    assert kept.ms is not None


def test_a_local_venue_has_no_answers_to_keep(account, strategy, venue, again):
    order = factories.order(account, strategy)
    venue.answers = [lambda request: filled(request, at=now())]
    submit.submit(again(order))
    assert again(order).status == "FILLED"
    assert not OrderAnswer.objects.exists()
