"""Reports may come twice, late, or in pieces; what they add up to is the same."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import transaction

from accounts.brokers.base import FillReport, OrderReport, ReportStatus
from signals.execution import apply
from signals.models import Fill, Order, Position, RoundTrip
from tests import factories
from tradeops.core.errors import Conflict

D = Decimal
pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 2, 15, tzinfo=UTC)


def fill(trade_id, quantity, price="50000"):
    return FillReport(trade_id=trade_id, quantity=D(quantity), price=D(price), fee=D(0), fee_currency="USDT", at=AT)


@pytest.fixture
def order(account, strategy):
    return factories.order(account, strategy, status="SUBMITTED")


def tell(order, status, *fills):
    found = OrderReport(
        client_order_id=order.client_order_id, venue_order_id="v1", status=ReportStatus(status), fills=fills
    )
    return apply.report(order, found, now=AT, base="BTC")


def test_pieces_add_up_and_a_repeat_counts_once(order, events_seen):
    tell(order, "PARTIALLY_FILLED", fill("1", "0.004", "50000"))
    tell(order, "PARTIALLY_FILLED", fill("1", "0.004", "50000"))
    after = tell(order, "FILLED", fill("1", "0.004", "50000"), fill("2", "0.006", "51000"))
    assert (after.status, after.filled_quantity, after.average_price) == ("FILLED", D("0.01"), D("50600"))
    assert after.finished_at == AT
    assert Fill.objects.count() == 2
    position = Position.objects.get()
    assert (position.quantity, position.average_price, position.entries) == (D("0.01"), D("50600"), 1)
    assert events_seen() == ["order.filled"]


def test_a_late_fill_after_a_cancel_is_legal(order):
    apply.finish(order, "CANCELED", now=AT, code="canceled", message="by hand")
    after = tell(order, "FILLED", fill("9", "0.01"))
    assert after.status == "FILLED"
    assert Position.objects.get().quantity == D("0.01")


def test_an_older_report_changes_nothing(order, events_seen):
    tell(order, "FILLED", fill("1", "0.01"))
    after = tell(order, "OPEN")
    assert after.status == "FILLED"
    assert events_seen() == ["order.filled"]


def test_what_is_final_is_not_ended_again(order):
    tell(order, "FILLED", fill("1", "0.01"))
    with pytest.raises(Conflict, match="is FILLED: it cannot become CANCELED"):
        apply.finish(order, "CANCELED", now=AT, code="x", message="x")


def test_the_same_trade_id_on_another_account_is_another_trade(order, strategy):
    other = factories.order(factories.account("second"), strategy, number=2, status="SUBMITTED")
    tell(order, "FILLED", fill("1", "0.01"))
    tell(other, "FILLED", fill("1", "0.01"))
    assert Fill.objects.count() == 2


def test_two_orders_of_one_position_are_booked_one_after_the_other(order, account, strategy):
    closing = factories.order(account, strategy, number=2, status="SUBMITTED", side="sell", intent="close")
    told = [
        apply.Told(
            order=one,
            found=OrderReport(
                client_order_id=one.client_order_id,
                venue_order_id="v",
                status=ReportStatus.FILLED,
                fills=(fill(name, "0.01", price),),
            ),
            now=AT,
            base="BTC",
        )
        for one, name, price in ((order, "1", "50000"), (closing, "2", "51000"))
    ]
    with transaction.atomic():
        assert apply.report_all(told) == [order, closing]
    assert {row.status for row in Order.objects.all()} == {"FILLED"}
    position = Position.objects.get()
    assert (position.quantity, position.realised_pnl, position.is_open) == (D(0), D(10), False)
    trip = RoundTrip.objects.get()
    assert (trip.entered, trip.left, trip.realised_pnl, trip.closed_at) == (D("0.01"), D("0.01"), D(10), AT)
