"""Fills of several positions booked at once: as if each had come alone."""

from decimal import Decimal

import pytest
from django.db import transaction

from signals.models import PnlDay, Position, RoundTrip
from signals.portfolio import ledger, positions
from signals.portfolio.positions import Trade
from tests import factories
from tests.factories import NOW
from tradeops.core.money import Side

D = Decimal
pytestmark = pytest.mark.django_db


@pytest.fixture
def trade():
    account = factories.account()
    strategy = factories.strategy(accounts=[account])

    def make(side, quantity, price, *, symbol="BTC/USDT", fee="0"):
        return Trade(
            strategy_id=strategy.pk,
            account_id=account.pk,
            symbol=symbol,
            base="",
            side=Side(side),
            position_side=Position.Side.LONG,
            quantity=D(quantity),
            price=D(price),
            fee=D(fee),
            fee_currency="USDT",
            at=NOW,
        )

    return make


def book(*trades):
    with transaction.atomic():
        on = ledger.read(trades)
        moved = [movement for trade in trades for movement in positions.enter(trade, on)]
        on.write()
    return moved


def test_pieces_of_one_position_add_up_and_make_one_round_trip(trade):
    moved = book(trade("buy", 1, 100), trade("buy", 3, 200, fee=1))
    assert [movement.opened for movement in moved] == [True, False]
    position = Position.objects.get()
    assert (position.quantity, position.average_price, position.fees) == (D(4), D(175), D(1))
    trip = RoundTrip.objects.get()
    assert (trip.entered, trip.entry_value, trip.closed_at) == (D(4), D(700), None)
    assert PnlDay.objects.get().fills == 2


def test_what_was_opened_can_be_closed_and_opened_again_at_once(trade):
    book(trade("buy", 1, 100), trade("sell", 1, 110), trade("buy", 2, 120))
    assert list(RoundTrip.objects.order_by("id").values_list("entered", "left", "realised_pnl")) == [
        (D(1), D(1), D(10)),
        (D(2), D(0), D(0)),
    ]
    position = Position.objects.get()
    assert (position.quantity, position.average_price, position.realised_pnl) == (D(2), D(120), D(10))
    day = PnlDay.objects.get()
    assert (day.realised_pnl, day.fills) == (D(10), 3)


def test_an_open_position_is_closed_beside_another_that_opens(trade):
    book(trade("buy", 1, 100))
    book(trade("sell", 1, 90), trade("buy", 5, 10, symbol="ETH/USDT"))
    assert {row.symbol: (row.quantity, row.is_open) for row in Position.objects.all()} == {
        "BTC/USDT": (D(0), False),
        "ETH/USDT": (D(5), True),
    }
    closed = RoundTrip.objects.get(symbol="BTC/USDT")
    assert (closed.realised_pnl, closed.closed_at) == (D(-10), NOW)
    assert {row.symbol: row.realised_pnl for row in PnlDay.objects.all()} == {"BTC/USDT": D(-10), "ETH/USDT": D(0)}


def test_a_side_that_is_held_for_the_first_time_leaves_what_was_changed_of_the_other(trade):
    """Two fills of one order close more than is held: the first one makes the other side's row."""
    book(trade("buy", 4, 100))
    moved = book(trade("sell", 10, 110), trade("sell", 10, 120))
    assert [(str(one.position.side), one.adds, one.quantity) for one in moved] == [
        ("long", False, D(4)),
        ("short", True, D(6)),
        ("short", True, D(10)),
    ]
    assert {row.side: (row.quantity, row.average_price, row.realised_pnl) for row in Position.objects.all()} == {
        "long": (D(0), None, D(40)),
        "short": (D(16), D("116.25"), D(0)),
    }
    closed, opened = RoundTrip.objects.order_by("id")
    assert (closed.entered, closed.left, closed.realised_pnl) == (D(4), D(4), D(40))
    assert (opened.entered, opened.left, opened.entry_value) == (D(16), D(0), D(1860))
    assert PnlDay.objects.get().realised_pnl == D(40)


def test_what_is_not_written_has_not_happened(trade):
    on = ledger.read([trade("buy", 1, 100)])
    positions.enter(trade("buy", 1, 100), on)
    assert (RoundTrip.objects.count(), PnlDay.objects.get().fills) == (0, 0)
    assert Position.objects.get().quantity == D(0)
