"""The paper venue: fills at the far side, keeps its own books, refuses like a venue."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import (
    AttachedExit,
    BrokerRejected,
    BrokerTemporary,
    Cause,
    Intended,
    OrderRequest,
    ReportStatus,
)
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


def held(broker):
    """By currency; nothing of it is ever bound in a resting order."""
    balances = broker.balances()
    assert all(balance.free == balance.total for balance in balances.values())
    return {currency: balance.total for currency, balance in balances.items()}


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
    assert held(broker) == {"USDT": D("99499.44995"), "BTC": D("0.01")}


def test_a_sell_gets_the_bid_less_the_fee(broker):
    broker.place(order(), now=clock.now())
    found = broker.place(order("sell", number=2), now=clock.now())
    assert (found.fills[0].price, found.fills[0].fee) == (D("49995"), D("0.49995"))
    assert held(broker) == {"USDT": D("99998.9"), "BTC": D("0")}


def test_the_same_id_again_is_the_same_order(broker):
    first = broker.place(order(), now=clock.now())
    again = broker.place(order(quantity="5"), now=clock.now())
    assert again == first
    assert PaperOrder.objects.count() == 1
    assert held(broker)["BTC"] == D("0.01")


def test_funds_are_checked_with_the_fee(broker):
    found = broker.place(order(quantity="2"), now=clock.now())
    assert (found.status, found.code) == (ReportStatus.REJECTED, "insufficient_funds")
    assert found.message == "needs 100110.01 USDT; 100000 is free"
    assert not PaperBalance.objects.exists()


def test_what_is_not_held_cannot_be_sold(broker):
    assert broker.place(order("sell", closes=False), now=clock.now()).code == "insufficient_funds"
    found = broker.place(order("sell", number=2), now=clock.now())
    assert (found.status, found.code, found.fills) == (ReportStatus.REJECTED, "nothing_to_reduce", ())
    assert held(broker) == {"USDT": D("100000")}


def test_a_close_sells_what_there_is_at_most(broker):
    broker.place(order(), now=clock.now())
    found = broker.place(order("sell", quantity="3", number=2), now=clock.now())
    assert (found.status, found.fills[0].quantity, found.filled) == (ReportStatus.FILLED, D("0.01"), D("0.01"))
    assert held(broker)["BTC"] == 0


def test_max_quantity_leaves_room_for_the_fee(broker):
    cap = broker.max_quantity("BTC/USDT", side=Side.BUY, price=D(50000))
    assert broker.place(
        order(quantity=str(cap.quantize(D("1e-8"), "ROUND_DOWN")), quote=quote()), now=clock.now()
    ).fills
    assert broker.max_quantity("BTC/USDT", side=Side.SELL, price=D(50000)) == cap.quantize(D("1e-8"), "ROUND_DOWN")


def test_an_expired_order_is_refused_by_the_venues_own_clock(broker):
    late = order(send_expires_at=clock.now() - timedelta(seconds=1))
    with pytest.raises(BrokerTemporary, match="its time to be sent had passed"):
        broker.place(late, now=clock.now() - timedelta(seconds=10))
    assert "BTC" not in held(broker)
    assert broker.fetch(late.client_order_id, symbol="BTC/USDT", now=clock.now()) is None


def test_without_a_price_nothing_fills(broker):
    assert broker.place(order(quote=None), now=clock.now()).code == "no_price"


def test_preview_changes_nothing(broker):
    found = broker.preview(order(), now=clock.now())
    assert found.status == ReportStatus.FILLED
    assert found.fills == ()
    assert not PaperOrder.objects.exists()
    assert held(broker) == {"USDT": D("100000")}


def test_fetch_knows_what_was_placed_and_nothing_else(broker):
    placed = broker.place(order(), now=clock.now())
    assert broker.fetch(placed.client_order_id, symbol="BTC/USDT", now=clock.now()) == placed
    assert broker.fetch("0" * 32, symbol="BTC/USDT", now=clock.now()) is None


def test_of_a_market_order_nothing_rests_and_a_cancel_changes_nothing(broker):
    placed = broker.place(order(), now=clock.now())
    assert broker.open_orders() == ()
    assert broker.cancel(placed.client_order_id, symbol="BTC/USDT", now=clock.now()) == placed
    assert broker.cancel("0" * 32, symbol="BTC/USDT", now=clock.now()) is None
    assert broker.cancel_all() == 0


def test_trades_are_the_filled_orders_since_then(broker):
    before = clock.now()
    first = broker.place(order(), now=clock.now())
    broker.place(order(quantity="99", number=2), now=clock.now())
    second = broker.place(order("sell", number=3), now=clock.now())
    assert [(trade.side, trade.client_order_id, trade.fill) for trade in broker.trades(since=before)] == [
        (Side.BUY, first.client_order_id, first.fills[0]),
        (Side.SELL, second.client_order_id, second.fills[0]),
    ]
    assert broker.trades(since=before, symbol="ETH/USDT") == ()
    assert broker.trades(since=clock.now() + timedelta(seconds=1)) == ()


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        ({"market": "option"}, "option market"),
        ({"quote_amount": D(100)}, "buying for an amount of money"),
        ({"attached": (AttachedExit(kind=Cause.STOP_LOSS, trigger=D(1)),)}, "exits attached to an entry"),
    ],
)
def test_what_paper_cannot_do_is_refused_and_leaves_no_row(broker, asked, missing):
    for ask in (
        broker.prepare,
        lambda it: broker.place(it, now=clock.now()),
        lambda it: broker.preview(it, now=clock.now()),
    ):
        with pytest.raises(BrokerRejected, match=f"the paper venue has no {missing}") as refused:
            ask(order(**asked))
        assert refused.value.code == "unsupported"
    assert not PaperOrder.objects.exists()


def test_accounts_do_not_see_each_other(broker):
    placed = broker.place(order(), now=clock.now())
    other = broker_for(factories.account("paper-2"))
    assert other.fetch(placed.client_order_id, symbol="BTC/USDT", now=clock.now()) is None
    assert held(other) == {"USDT": D("100000")}


def test_a_share_is_quoted_in_the_accounts_only_currency():
    broker = broker_for(factories.account("stocks", initial_balances={"USD": "1000"}))
    assert broker.instrument("AAPL").quote == "USD"
    found = broker.place(
        replace(order(quantity="2"), symbol="AAPL", quote=replace(quote("100"), symbol="AAPL")), now=clock.now()
    )
    assert found.status == ReportStatus.FILLED
    assert held(broker) == {"USD": D("800"), "AAPL": D("2")}


def test_a_symbol_without_a_quote_currency_is_refused():
    broker = broker_for(factories.account("two", initial_balances={"USD": "1", "EUR": "1"}))
    with pytest.raises(BrokerRejected, match="write it as BASE/QUOTE"):
        broker.instrument("AAPL")


def test_max_quantity_of_contracts_is_for_the_order_s_own_leverage():
    account = factories.account("swaps", market="swap", fee_bps=D(0), leverage=D(3), initial_balances={"USDT": "50000"})
    swaps = broker_for(account)
    for leverage, most in ((None, 3), (D(10), 10)):
        intended = Intended(quantity=D(1), leverage=leverage)
        found = swaps.max_quantity("BTC/USDT:USDT", side=Side.BUY, price=D(50000), intended=intended)
        assert abs(found - most) < D("1e-18")
