"""An exit is tried until it is through, or a person is called; never two at once, never more than is held (D3, X4)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import (
    BrokerRejected,
    BrokerTemporary,
    BrokerUnknown,
    FillReport,
    OrderReport,
    ReportStatus,
)
from signals.execution import again as attempts
from signals.execution import orders, reconcile, submit
from signals.models import Order, Position
from tests import factories

D = Decimal
pytestmark = pytest.mark.django_db


def now():
    return datetime.now(UTC)


@pytest.fixture
def position(full, strategy):
    return Position.objects.create(
        strategy=strategy, account=full, symbol="BTC/USDT", side="long", quantity=D("0.01"),
        average_price=D(50000), is_open=True, updated_at=now(),
    )  # fmt: skip


@pytest.fixture
def way_out(full, strategy, position):
    return factories.order(full, strategy, intent="close", side="sell")


def rejected(code="rejected"):
    return BrokerRejected("the venue said no", code=code, venue_code="51000")


def attempt(order):
    return Order.objects.select_related("account", "strategy", "signal").filter(attempt=order).first()


class TestNextAttempt:
    def test_a_final_rejection_is_followed_by_another_id_a_little_later(self, way_out, venue, again):
        venue.answers = [rejected()]
        submit.submit(again(way_out))
        assert (again(way_out).status, again(way_out).venue_code) == ("REJECTED", "51000")
        second = attempt(1)
        assert (second.status, second.intent, second.quantity) == ("PENDING", "close", D("0.01"))
        assert second.client_order_id == orders.client_order_id(
            origin="manual", origin_id="1", strategy="trend", account="full-1", leg=0, attempt=1
        )
        assert second.due_at - second.created_at == timedelta(seconds=1)
        Order.objects.update(due_at=now())
        submit.submit(attempt(1))
        assert attempt(1).status == "FILLED"
        assert len({request.client_order_id for request in venue.received}) == 2
        assert not Position.objects.get().is_open

    def test_after_a_few_a_person_is_called_and_it_ends(self, way_out, venue, again, told):
        venue.answers = [rejected() for _ in range(9)]
        submit.submit(again(way_out))
        for number in (1, 2, 3):
            Order.objects.update(due_at=now())
            submit.submit(attempt(number))
        assert Order.objects.count() == 4
        assert {order.status for order in Order.objects.all()} == {"REJECTED"}
        assert len(venue.received) == 4
        assert told().count(("order.stuck", "critical")) == 1

    @pytest.mark.parametrize("code", ["nothing_to_reduce", "unknown_instrument", "unsupported", "no_credentials"])
    def test_what_only_a_person_can_mend_is_not_tried_again(self, way_out, venue, again, told, code):
        venue.answers = [rejected(code)]
        submit.submit(again(way_out))
        assert Order.objects.count() == 1
        assert told() == [("order.rejected", "error"), ("order.stuck", "critical")]

    def test_dust_is_shown_and_left(self, way_out, venue, again, told):
        venue.minimum = D("0.02")
        submit.submit(again(way_out))
        row = again(way_out)
        assert (row.status, row.code) == ("REJECTED", "below_minimum")
        assert row.message == "0.01 is below the venue's minimum of 0.02: it stays as dust"
        assert (Order.objects.count(), venue.received) == (1, [])
        assert told() == [("order.rejected", "error")]

    def test_what_the_venue_cancelled_half_way_goes_on_with_the_rest(self, way_out, venue, again):
        fill = FillReport(trade_id="1", quantity=D("0.004"), price=D(50000), fee=D(0), fee_currency="USDT", at=now())
        venue.answers = [
            lambda request: OrderReport(
                client_order_id=request.client_order_id, venue_order_id="v", status=ReportStatus.CANCELED, fills=(fill,)
            )
        ]
        submit.submit(again(way_out))
        assert again(way_out).status == "CANCELED"
        assert attempt(1).quantity == D("0.006")

    def test_a_price_that_is_refused_gives_way_to_the_market(self, full, strategy, position, venue, again):
        order = factories.order(full, strategy, intent="close", side="sell", type="limit", price=D(51000))
        venue.answers = [rejected("bad_price")]
        submit.submit(again(order))
        assert (attempt(1).type, attempt(1).price) == ("market", None)

    @pytest.mark.parametrize(
        ("code", "sent"),
        [
            ("rejected", ("limit", D(51000), "gtc", True)),  # as it was asked for
            ("would_take", ("market", None, "gtc", False)),  # nothing that is sent at the market can be post-only
        ],
    )
    def test_one_that_must_not_take_stays_so_for_as_long_as_it_is_a_limit(
        self, full, strategy, position, venue, again, code, sent
    ):
        order = factories.order(
            full, strategy, intent="close", side="sell", type="limit", price=D(51000), post_only=True
        )
        venue.answers = [rejected(code)]
        submit.submit(again(order))
        Order.objects.update(due_at=now())
        submit.submit(attempt(1))
        request = venue.received[1]
        assert (request.type, request.price, request.time_in_force, request.post_only) == sent

    def test_not_for_an_entry(self, full, strategy, venue, again):
        order = factories.order(full, strategy)
        venue.answers = [rejected()]
        submit.submit(again(order))
        assert Order.objects.count() == 1

    def test_told_twice_it_is_one(self, way_out, position):
        way_out.status, way_out.code = "REJECTED", "rejected"
        attempts.after(way_out, now=now())
        attempts.after(way_out, now=now())
        assert Order.objects.count() == 2


class TestNeverMoreThanIsHeld:
    def test_the_position_may_have_shrunk_since_the_decision(self, way_out, position, venue, again):
        Position.objects.update(quantity=D("0.004"))
        submit.submit(again(way_out))
        assert venue.received[0].quantity == D("0.004")
        assert again(way_out).steps.get(step="max_size").detail == "the position has 0.004"

    @pytest.mark.parametrize("origin", ["signal", "manual", "exit"])
    def test_nothing_is_left_and_nobody_is_called(self, way_out, position, venue, again, told, origin):
        Order.objects.update(origin=origin)
        Position.objects.update(quantity=D(0), is_open=False)
        submit.submit(again(way_out))
        row = again(way_out)
        assert (row.status, row.code) == ("CANCELED", "not_needed")
        assert row.message == "something else has closed the position meanwhile"
        assert row.steps.get(step="max_size").detail == "the position has 0"
        assert venue.received == []
        assert Order.objects.count() == 1
        assert told() == [("order.canceled", "warning")]

    def test_a_second_close_finds_that_the_first_has_closed_all(self, full, strategy, way_out, venue, again, told):
        second = factories.order(full, strategy, number=2, intent="close", side="sell")
        submit.submit(again(way_out))
        submit.submit(again(second))
        assert (again(way_out).status, again(second).status) == ("FILLED", "CANCELED")
        assert len(venue.received) == 1
        assert told() == [("order.filled", "info"), ("order.canceled", "warning")]

    def test_it_was_closed_while_the_order_was_on_its_way(self, way_out, position, venue, again, told):
        no = BrokerRejected("the venue said no", code="nothing_to_reduce", venue_code="51000", raw='{"code": "51000"}')
        venue.answers = [no]
        venue.after_place = lambda _: Position.objects.update(quantity=D(0), is_open=False)
        submit.submit(again(way_out))
        row = again(way_out)
        assert (row.status, row.code, row.venue_code) == ("CANCELED", "not_needed", "51000")
        assert row.answers.get().outcome == "nothing_to_reduce"
        assert Order.objects.count() == 1
        assert told() == [("order.canceled", "warning")]

    def test_the_venue_ends_it_for_that_and_the_books_agree(self, way_out, position, venue, again, told):
        venue.answers = [
            lambda request: OrderReport(
                client_order_id=request.client_order_id, venue_order_id="v", status=ReportStatus.CANCELED,
                code="nothing_to_reduce", message="the position was closed meanwhile",
            )
        ]  # fmt: skip
        venue.after_place = lambda _: Position.objects.update(quantity=D(0), is_open=False)
        submit.submit(again(way_out))
        assert (again(way_out).status, again(way_out).code) == ("CANCELED", "nothing_to_reduce")
        assert told() == [("order.canceled", "warning")]

    @pytest.mark.parametrize(
        ("entry", "calls"),
        [
            ({"status": "UNKNOWN"}, True),
            ({"status": "SUBMITTED"}, True),
            ({"status": "UNKNOWN", "symbol": "ETH/USDT"}, False),
            ({"status": "UNKNOWN", "position_side": "short"}, False),
            ({"status": "PENDING"}, False),
            ({"status": "UNKNOWN", "intent": "close"}, False),
        ],
    )
    def test_an_entry_in_doubt_may_have_opened_something(
        self, full, strategy, way_out, position, venue, again, told, entry, calls
    ):
        factories.order(full, strategy, number=2, **{"intent": "open", "unknown_since": now(), **entry})
        Position.objects.update(quantity=D(0), is_open=False)
        submit.submit(again(way_out))
        ended = ("REJECTED", "nothing_to_reduce") if calls else ("CANCELED", "not_needed")
        assert (again(way_out).status, again(way_out).code) == ended
        assert (("order.stuck", "critical") in told()) is calls

    @pytest.mark.parametrize("origin", ["signal", "manual", "exit"])
    def test_a_venue_in_our_books_that_has_none_of_what_they_hold_needs_a_person(
        self, account, strategy, venue, again, told, origin
    ):
        venue.cap = D(0)
        Position.objects.create(
            strategy=strategy, account=account, symbol="BTC/USDT", side="long", quantity=D("0.01"),
            average_price=D(50000), is_open=True, updated_at=now(),
        )  # fmt: skip
        order = factories.order(account, strategy, intent="close", side="sell", origin=origin)
        submit.submit(again(order))
        assert (again(order).status, again(order).code) == ("REJECTED", "nothing_to_reduce")
        assert told() == [("order.rejected", "error"), ("order.stuck", "critical")]

    def test_the_venues_maximum_for_entries_does_not_bind_it(self, way_out, venue, again):
        venue.cap = D("0.001")
        submit.submit(again(way_out))
        assert again(way_out).status == "FILLED"
        assert venue.asked_for_maximum == []


class TestInParts:
    """The venue takes less at once than there is to close."""

    def test_each_part_follows_the_one_before(self, way_out, position, venue, again, told):
        venue.maximum = D("0.002")
        submit.submit(again(way_out))
        assert (again(way_out).status, again(way_out).code) == ("FILLED", "in_parts")
        for number in (1, 2, 3, 4):
            assert attempt(number).due_at <= now()
            submit.submit(attempt(number))
        assert [request.quantity for request in venue.received] == [D("0.002")] * 5
        assert not Position.objects.get().is_open
        assert Order.objects.count() == 5
        assert set(told()) == {("order.filled", "info")}

    def test_the_others_follow_a_part_that_was_in_doubt(self, way_out, position, venue, again, told):
        venue.maximum = D("0.004")
        venue.answers = [BrokerUnknown("no answer in time")]
        submit.submit(again(way_out))
        row = again(way_out)
        assert (row.status, row.message) == ("UNKNOWN", "no answer in time")
        assert Order.objects.count() == 1
        reconcile.reconcile(row)
        assert again(way_out).status == "FILLED"
        for number in (1, 2):
            submit.submit(attempt(number))
        assert [request.quantity for request in venue.received] == [D("0.004"), D("0.004"), D("0.002")]
        assert not Position.objects.get().is_open
        assert Order.objects.count() == 3
        assert set(told()) == {("order.unknown", "warning"), ("order.filled", "info")}

    def test_a_part_that_the_venue_never_had_is_sent_again_and_the_others_follow(self, way_out, position, venue, again):
        venue.maximum = D("0.006")
        venue.answers = [BrokerUnknown("no answer in time")]
        submit.submit(again(way_out))
        venue.ledger.clear()
        Order.objects.update(due_at=now(), send_expires_at=now() - timedelta(seconds=10))
        reconcile.reconcile(again(way_out))
        assert (again(way_out).status, Order.objects.count()) == ("PENDING", 1)
        submit.submit(again(way_out))
        submit.submit(attempt(1))
        assert [request.quantity for request in venue.received] == [D("0.006"), D("0.006"), D("0.004")]
        assert not Position.objects.get().is_open

    def test_what_turns_out_to_fit_is_the_last(self, way_out, position, venue, again):
        """Sized in parts before it came back; by the next try something else has closed most of the position."""
        venue.maximum = D("0.002")
        venue.answers = [BrokerTemporary("busy")]
        submit.submit(again(way_out))
        Position.objects.update(quantity=D("0.001"))
        Order.objects.update(due_at=now())

        def entered_meanwhile(request):
            Position.objects.update(quantity=D("0.005"))

        venue.after_place = entered_meanwhile
        submit.submit(again(way_out))
        assert (again(way_out).status, again(way_out).code) == ("FILLED", "")
        assert Order.objects.count() == 1
        assert Position.objects.get().quantity == D("0.004")

    def test_an_entry_is_not_sent_in_parts(self, full, strategy, venue, again):
        venue.maximum = D("0.002")
        order = factories.order(full, strategy)
        submit.submit(again(order))
        assert again(order).sent_quantity == D("0.002")
        assert Order.objects.count() == 1


class TestRateLimits:
    def test_a_wait_for_one_is_no_try(self, full, strategy, venue, again):
        venue.answers = [BrokerTemporary("full", code="rate_limited", retry_after=6) for _ in range(6)]
        order = factories.order(full, strategy, expires_at=now() + timedelta(hours=1))
        for _ in range(6):
            Order.objects.update(due_at=now())
            submit.submit(again(order))
        row = again(order)
        assert (row.status, row.tries) == ("PENDING", 0)
        assert timedelta(seconds=5) < row.due_at - now() <= timedelta(seconds=6)
        Order.objects.update(due_at=now())
        submit.submit(again(order))
        assert again(order).status == "FILLED"

    def test_back_off_grows_and_differs(self):
        waits = [orders.backoff(2).total_seconds() for _ in range(50)]
        assert min(waits) >= 2
        assert max(waits) <= 2.5
        assert len(set(waits)) > 1
        assert orders.backoff(99).total_seconds() <= 37.5
