"""The paper venue: fills at the far side, keeps its own books, refuses like a venue."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import BrokerRejected, OrderRequest, ReportStatus
from accounts.brokers.registry import broker_for
from signals.models import PaperBalance, PaperOrder
from tests import factories
from tests.factories import quote
from tradeops.core import clock
from tradeops.core.money import OrderType, Side

D = Decimal
pytestmark = pytest.mark.django_db


@pytest.fixture
def broker():
    return broker_for(factories.account(fee_bps=D(10)))


def order(side="buy", quantity="0.01", *, number=1, **fields):
    defaults = {
        "client_order_id": f"{number:032d}",
        "symbol": "BTC/USDT",
        "market": "spot",
        "side": Side(side),
        "type": OrderType.MARKET,
        "quantity": D(quantity),
        "closes": side == "sell",
        "quote": quote("50000", spread="10"),
    }
    return OrderRequest(**{**defaults, **fields})


def test_a_buy_pays_the_ask_and_the_fee(broker):
    found = broker.place(order(), now=clock.now())
    assert found.status == ReportStatus.FILLED
    [fill] = found.fills
    assert (fill.quantity, fill.price, fill.fee, fill.fee_currency) == (D("0.01"), D("50005"), D("0.50005"), "USDT")
    assert broker.balances() == {"USDT": D("99499.44995"), "BTC": D("0.01")}


def test_a_sell_gets_the_bid_less_the_fee(broker):
    broker.place(order(), now=clock.now())
    found = broker.place(order("sell", number=2), now=clock.now())
    assert (found.fills[0].price, found.fills[0].fee) == (D("49995"), D("0.49995"))
    assert broker.balances() == {"USDT": D("99998.9"), "BTC": D("0")}


def test_the_same_id_again_is_the_same_order(broker):
    first = broker.place(order(), now=clock.now())
    again = broker.place(order(quantity="5"), now=clock.now())
    assert again == first
    assert PaperOrder.objects.count() == 1
    assert broker.balances()["BTC"] == D("0.01")


def test_funds_are_checked_with_the_fee(broker):
    found = broker.place(order(quantity="2"), now=clock.now())
    assert (found.status, found.code) == (ReportStatus.REJECTED, "insufficient_funds")
    assert found.message == "needs 100110.01 USDT; 100000 is free"
    assert not PaperBalance.objects.exists()


def test_what_is_not_held_cannot_be_sold(broker):
    assert broker.place(order("sell"), now=clock.now()).code == "insufficient_funds"


def test_max_quantity_leaves_room_for_the_fee(broker):
    cap = broker.max_quantity("BTC/USDT", side=Side.BUY, price=D(50000))
    assert broker.place(
        order(quantity=str(cap.quantize(D("1e-8"), "ROUND_DOWN")), quote=quote()), now=clock.now()
    ).fills
    assert broker.max_quantity("BTC/USDT", side=Side.SELL, price=D(50000)) == cap.quantize(D("1e-8"), "ROUND_DOWN")


def test_an_expired_order_is_refused_by_the_venues_own_clock(broker):
    late = order(send_expires_at=clock.now() - timedelta(seconds=1))
    found = broker.place(late, now=clock.now() - timedelta(seconds=10))
    assert found.status == ReportStatus.EXPIRED
    assert "BTC" not in broker.balances()


def test_without_a_price_nothing_fills(broker):
    assert broker.place(order(quote=None), now=clock.now()).code == "no_price"


def test_preview_changes_nothing(broker):
    found = broker.preview(order(), now=clock.now())
    assert found.status == ReportStatus.FILLED
    assert found.fills == ()
    assert not PaperOrder.objects.exists()
    assert broker.balances() == {"USDT": D("100000")}


def test_fetch_knows_what_was_placed_and_nothing_else(broker):
    placed = broker.place(order(), now=clock.now())
    assert broker.fetch(placed.client_order_id, symbol="BTC/USDT", now=clock.now()) == placed
    assert broker.fetch("0" * 32, symbol="BTC/USDT", now=clock.now()) is None


def test_accounts_do_not_see_each_other(broker):
    placed = broker.place(order(), now=clock.now())
    other = broker_for(factories.account("paper-2"))
    assert other.fetch(placed.client_order_id, symbol="BTC/USDT", now=clock.now()) is None
    assert other.balances() == {"USDT": D("100000")}


def test_a_share_is_quoted_in_the_accounts_only_currency():
    broker = broker_for(factories.account("stocks", initial_balances={"USD": "1000"}))
    assert broker.instrument("AAPL").quote == "USD"
    found = broker.place(
        replace(order(quantity="2"), symbol="AAPL", quote=replace(quote("100"), symbol="AAPL")), now=clock.now()
    )
    assert found.status == ReportStatus.FILLED
    assert broker.balances() == {"USD": D("800"), "AAPL": D("2")}


def test_a_symbol_without_a_quote_currency_is_refused():
    broker = broker_for(factories.account("two", initial_balances={"USD": "1", "EUR": "1"}))
    with pytest.raises(BrokerRejected, match="write it as BASE/QUOTE"):
        broker.instrument("AAPL")
