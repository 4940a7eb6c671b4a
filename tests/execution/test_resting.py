"""Orders that rest at a venue: polls, pieces, time-to-live, cancels (X2)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import BrokerRejected, BrokerTemporary, BrokerUnknown, FillReport, ReportStatus
from signals.execution import apply, cancel, orders, resting, submit
from signals.models import Fill, Order, OrderAnswer, Position
from tests import factories
from tests.fakes.scripted_broker import rests
from tradeops.core.errors import Conflict

D = Decimal
pytestmark = pytest.mark.django_db


def now():
    return datetime.now(UTC)


def ago(seconds):
    return now() - timedelta(seconds=seconds)


def fill(trade_id, quantity, price="50000"):
    return FillReport(trade_id=trade_id, quantity=D(quantity), price=D(price), fee=D(0), fee_currency="USDT", at=now())


@pytest.fixture
def limit(full, strategy, venue, again):
    """Makes limit orders that rest at the venue."""

    def make(number=1, **fields):
        venue.answers = [rests]
        terms = {"type": "limit", "price": D("49000.07"), **fields}
        order = factories.order(full, strategy, number=number, **terms)
        submit.submit(again(order))
        assert again(order).status == "OPEN"
        return again(order)

    return make


def run(account, *, after=0):
    """A round of polls, when everything that rests is due."""
    Order.objects.update(due_at=ago(0.001))
    return resting.run(account.pk, now=now() + timedelta(seconds=after))


class TestPolls:
    def test_what_is_not_due_is_left_alone(self, limit, full, venue):
        order = limit()
        assert resting.due(now=now()) == []
        assert resting.run(full.pk, now=now()) == 0
        assert resting.due(now=order.due_at) == [full.pk]
        assert venue.fetches == []

    def test_it_is_asked_soon_first_and_each_two_seconds_later(self, limit):
        order = limit()
        assert order.due_at - order.sent_at < timedelta(seconds=0.5)
        for age, wait in ((0, 0.2), (1, 0.5), (4, 2), (4000, 2)):
            at = order.sent_at + timedelta(seconds=age)
            assert orders.next_poll(order, now=at) - at == timedelta(seconds=wait)

    def test_pieces_and_the_end(self, limit, full, venue, again, told):
        order = limit()
        name = order.client_order_id
        venue.show(name, status=ReportStatus.PARTIALLY_FILLED, fills=(fill("1", "0.004"),), filled=D("0.004"))
        assert run(full) == 1
        assert (again(order).status, again(order).filled_quantity) == ("PARTIALLY_FILLED", D("0.004"))
        venue.show(name, fills=(fill("1", "0.004"), fill("2", "0.003", "49000")), filled=D("0.007"))
        run(full)
        assert again(order).filled_quantity == D("0.007")
        venue.show(name, status=ReportStatus.FILLED, fills=(fill("2", "0.003"), fill("3", "0.003")))
        run(full)
        row = again(order)
        assert (row.status, row.filled_quantity) == ("FILLED", D("0.01"))
        assert Position.objects.get().quantity == D("0.01")
        assert Fill.objects.count() == 3
        assert told() == [("order.filled", "info")]
        assert resting.due(now=ago(-60)) == []

    def test_many_are_one_question_and_only_what_moved_is_asked_after(self, limit, full, venue, again):
        first, second, third = limit(1), limit(2), limit(3)
        venue.show(
            second.client_order_id, status=ReportStatus.PARTIALLY_FILLED, filled=D("0.004"), fills=(fill("1", "0.004"),)
        )
        venue.show(third.client_order_id, status=ReportStatus.CANCELED)
        assert run(full) == 3
        assert venue.listings == 1
        assert sorted(venue.fetches) == sorted([second.client_order_id, third.client_order_id])
        assert [again(order).status for order in (first, second, third)] == ["OPEN", "PARTIALLY_FILLED", "CANCELED"]
        assert again(first).due_at > now()

    def test_answers_are_kept_when_they_are_news(self, limit, full, venue):
        order = limit()
        for _ in range(3):
            run(full)
        assert OrderAnswer.objects.filter(call="fetch").count() == 0
        venue.show(order.client_order_id, status=ReportStatus.CANCELED, raw='{"state": "canceled"}')
        run(full)
        assert [row.outcome for row in OrderAnswer.objects.filter(call="fetch")] == ["CANCELED"]

    def test_a_venue_that_does_not_answer_is_asked_later(self, limit, full, venue, again):
        order = limit()
        venue.fetch_error = BrokerTemporary("busy", retry_after=9)
        run(full)
        assert again(order).status == "OPEN"
        assert again(order).due_at > now() + timedelta(seconds=8)

    def test_two_rounds_at_one_moment_ask_once(self, limit, full, venue):
        limit()
        at = now() + timedelta(seconds=1)
        venue.before_fetch = lambda _: assert_nothing(resting.run(full.pk, now=at))
        assert resting.run(full.pk, now=at) == 1
        assert len(venue.fetches) == 1

    def test_the_venue_forgets_late_orders_only_for_a_while(self, limit, full, venue, again, told):
        order = limit()
        venue.ledger.clear()
        run(full)
        assert again(order).status == "OPEN"
        Order.objects.update(sent_at=ago(31))
        run(full)
        assert (again(order).status, again(order).code) == ("CANCELED", "gone")
        assert told() == [("order.canceled", "warning")]

    def test_an_old_poll_does_not_bring_a_cancelled_order_back(self, limit, full, venue, again):
        order = limit()
        found = replace(
            venue.ledger[order.client_order_id], status=ReportStatus.PARTIALLY_FILLED, fills=(fill("1", "0.004"),)
        )
        apply.report(again(order), found, now=now(), base="BTC")
        apply.report(again(order), replace(found, status=ReportStatus.CANCELED), now=now(), base="BTC")
        apply.report(again(order), found, now=now(), base="BTC")
        assert again(order).status == "CANCELED"

    def test_the_price_is_sent_in_whole_ticks_rounded_down(self, limit, venue):
        order = limit()
        assert venue.received[0].price == D("49000.0")
        assert order.price == D("49000.07")


def assert_nothing(count):
    assert count == 0


class TestTimeToLive:
    def test_an_entry_that_still_rests_then_is_cancelled(self, limit, full, venue, again, told):
        order = limit(cancel_after=now() + timedelta(seconds=1))
        assert again(order).due_at <= order.cancel_after
        run(full)
        assert venue.cancels == []
        run(full, after=1.1)
        row = again(order)
        assert (row.status, row.code, row.message) == ("CANCELED", "canceled", "the time of the order is over")
        assert venue.cancels == [order.client_order_id]
        assert told() == [("order.canceled", "info")]


class TestCancel:
    def test_asking_needs_no_network_and_the_next_round_does_it(self, limit, full, venue, again, steps):
        order = cancel.ask(limit(), reason="not needed", by="ann", now=now())
        assert (order.status, venue.cancels) == ("OPEN", [])
        assert resting.due(now=now()) == [full.pk]
        assert resting.run(full.pk, now=now()) == 1
        row = again(order)
        assert (row.status, row.message) == ("CANCELED", "not needed (ann)")
        assert steps(order)[-2:] == ["cancel_asked", "canceled"]
        assert [answer.call for answer in OrderAnswer.objects.order_by("id")] == ["place", "cancel"]

    def test_what_was_never_sent_ends_at_once(self, full, strategy, venue, again, told):
        order = cancel.ask(factories.order(full, strategy), reason="not needed", now=now())
        assert (again(order).status, again(order).code) == ("CANCELED", "canceled")
        assert submit.submit(again(order)) is None
        assert venue.received == []
        assert told() == [("order.canceled", "info")]

    def test_what_comes_back_unsent_is_not_sent_again(self, full, strategy, venue, again):
        order = factories.order(full, strategy, intent="close", side="sell", position_side="long")
        Position.objects.create(
            strategy=strategy, account=full, symbol="BTC/USDT", side="long", quantity=D(1), is_open=True,
            updated_at=now(),
        )  # fmt: skip
        venue.answers = [BrokerTemporary("busy")]
        venue.after_place = lambda _: cancel.ask(again(order), reason="not needed", now=now())
        submit.submit(again(order))
        assert again(order).status == "CANCELED"
        assert Order.objects.count() == 1  # and no next attempt of an exit that nobody wants

    def test_it_trades_before_the_cancel_arrives(self, limit, full, venue, again):
        order = cancel.ask(limit(), reason="not needed", now=now())
        venue.show(order.client_order_id, status=ReportStatus.FILLED, fills=(fill("1", "0.01"),))
        resting.run(full.pk, now=now())
        assert again(order).status == "FILLED"
        assert Position.objects.get().quantity == D("0.01")

    def test_a_fill_that_is_told_after_the_cancel_counts(self, limit, full, venue, again):
        order = cancel.ask(limit(), reason="not needed", now=now())
        resting.run(full.pk, now=now())
        late = replace(venue.ledger[order.client_order_id], status=ReportStatus.CANCELED, fills=(fill("1", "0.004"),))
        apply.report(again(order), late, now=now(), base="BTC")
        row = again(order)
        assert (row.status, row.filled_quantity) == ("CANCELED", D("0.004"))
        assert Position.objects.get().quantity == D("0.004")

    @pytest.mark.parametrize("error", [BrokerUnknown("no answer"), BrokerTemporary("busy")])
    def test_whatever_goes_wrong_it_is_asked_again(self, limit, full, venue, again, error, told):
        order = cancel.ask(limit(), reason="not needed", now=now())
        venue.cancel_answers = [error]
        resting.run(full.pk, now=now())
        row = again(order)
        assert (row.status, row.tries) == ("OPEN", 1)
        assert row.due_at > now()
        run(full)
        assert again(order).status == "CANCELED"
        assert len(venue.cancels) == 2
        assert told() == [("order.canceled", "info")]

    def test_a_cancel_that_is_refused_calls_a_person(self, limit, full, venue, again, told):
        order = cancel.ask(limit(), reason="not needed", now=now())
        venue.cancel_answers = [BrokerRejected("no permission", code="no_permission")]
        resting.run(full.pk, now=now())
        assert again(order).status == "OPEN"
        assert told() == [("order.stuck", "critical")]

    def test_asking_twice_is_asking_once(self, limit):
        first = cancel.ask(limit(), reason="not needed", now=now())
        second = cancel.ask(first, reason="really not", now=now())
        assert second.cancel_reason == "not needed"
        assert first.steps.filter(step="cancel_asked").count() == 1

    def test_what_is_over_cannot_be_cancelled(self, full, strategy):
        with pytest.raises(Conflict, match="there is nothing to cancel"):
            cancel.ask(factories.order(full, strategy, status="FILLED"), reason="x", now=now())

    def test_an_order_in_doubt_is_cancelled_when_it_comes_up(self, full, strategy, venue, again):
        order = factories.order(full, strategy, type="limit", price=D(49000))
        venue.answers = [lambda request: rests(request)]
        venue.after_place = lambda _: cancel.ask(again(order), reason="not needed", now=now())
        submit.submit(again(order))
        row = again(order)
        assert row.status == "OPEN"
        assert row.due_at <= now() + timedelta(seconds=0.2)
        run(full)
        assert again(order).status == "CANCELED"


class TestNothingLeftToClose:
    @pytest.fixture
    def hold(self, full, strategy):
        """Sets what the strategy holds here."""

        def change(quantity):
            fields = {"quantity": D(quantity), "is_open": D(quantity) > 0, "updated_at": now()}
            place = {"strategy": strategy, "account": full, "symbol": "BTC/USDT", "side": "long"}
            Position.objects.update_or_create(**place, defaults=fields)

        return change

    @pytest.fixture
    def exits(self, limit):
        return lambda number=1: limit(number, intent="close", side="sell", position_side="long")

    def test_it_rests_as_long_as_something_is_held(self, exits, hold, full, venue, again):
        hold("0.01")
        order = exits()
        run(full)
        assert (again(order).status, venue.cancels) == ("OPEN", [])

    def test_it_would_close_what_is_entered_next_so_it_goes(self, exits, hold, full, venue, again, told):
        hold("0.01")
        first, second = exits(1), exits(2)
        hold("0")
        run(full)
        assert sorted(venue.cancels) == sorted([first.client_order_id, second.client_order_id])
        row = again(first)
        assert (row.status, row.message) == ("CANCELED", "there is nothing left that it could close")
        assert Order.objects.count() == 2  # no next attempt
        assert told() == [("order.canceled", "info")] * 2

    def test_another_strategys_position_is_none_of_its_own(self, exits, hold, full, venue, again):
        hold("0.01")
        order = exits()
        Position.objects.update(strategy=factories.strategy(slug="another", accounts=[full]))
        run(full)
        assert venue.cancels == [order.client_order_id]

    def test_an_entry_in_doubt_may_have_opened_something(self, exits, hold, full, strategy, venue, again):
        hold("0.01")
        order = exits()
        hold("0")
        factories.order(full, strategy, number=9, status="UNKNOWN")
        run(full)
        assert (again(order).status, venue.cancels) == ("OPEN", [])
        Order.objects.filter(status="UNKNOWN").update(status="REJECTED")
        run(full)
        assert venue.cancels == [order.client_order_id]

    def test_entries_rest_where_nothing_is_held(self, limit, full, venue):
        limit()
        run(full)
        assert venue.cancels == []
