"""Contracts on Binance: position modes, leverage, reduce-only, triggered orders."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import (
    AttachedExit,
    Broker,
    BrokerRejected,
    Cause,
    OrderRequest,
    Rejection,
    ReportStatus,
    Untold,
)
from accounts.brokers.by_ccxt import broker_class
from tests.fakes.binance import Venue
from tradeops.core import clock
from tradeops.core.money import OrderType, Side

from .conftest import client_id

Order = Callable[..., OrderRequest]
BTC = "BTC/USDT:USDT"


def test_a_market_order_is_filled_with_the_trades_that_the_answer_lacks(
    venue: Venue, swap: Broker, order: Order
) -> None:
    report = swap.place(order("swap"), now=clock.now())
    [sent] = venue.placed()
    assert (sent["quantity"], sent["side"], sent.get("positionSide")) == ("0.01", "BUY", None)
    assert "reduceOnly" not in sent
    assert report.status is ReportStatus.FILLED
    [fill] = report.fills
    assert (fill.quantity, fill.price, fill.fee_currency) == (Decimal("0.010"), Decimal("50000.1"), "USDT")
    assert fill.fee == Decimal("0.2500005")
    assert venue.swap.positions == {("BTCUSDT", "BOTH"): Decimal("0.010")}


def test_one_way_closing_is_reduce_only(venue: Venue, swap: Broker, order: Order) -> None:
    swap.place(order("swap"), now=clock.now())
    swap.place(order("swap", 1, side=Side.SELL, closes=True), now=clock.now())
    assert venue.placed()[1]["reduceOnly"] == "true"
    assert venue.swap.positions == {("BTCUSDT", "BOTH"): Decimal(0)}


def test_nothing_to_reduce_is_said_so(venue: Venue, swap: Broker, order: Order) -> None:
    with pytest.raises(BrokerRejected) as caught:
        swap.place(order("swap", side=Side.SELL, closes=True), now=clock.now())
    assert (caught.value.code, caught.value.venue_code) == (Rejection.NOTHING_TO_REDUCE, "-2022")
    assert venue.orders() == []


@pytest.mark.parametrize(
    ("side", "closes", "position"),
    [(Side.BUY, False, "LONG"), (Side.SELL, True, "LONG"), (Side.SELL, False, "SHORT"), (Side.BUY, True, "SHORT")],
    ids=["opens long", "closes long", "opens short", "closes short"],
)
def test_hedge_mode_names_the_position(
    venue: Venue, swap: Broker, order: Order, side: Side, closes: bool, position: str
) -> None:
    venue.swap.hedge = True
    swap.place(order("swap", side=side, closes=closes), now=clock.now())
    [sent] = venue.placed()
    assert sent["positionSide"] == position
    assert "reduceOnly" not in sent


def test_a_changed_position_mode_is_a_named_rejection_and_read_again(venue: Venue, swap: Broker, order: Order) -> None:
    swap.place(order("swap"), now=clock.now())
    venue.swap.hedge = True
    with pytest.raises(BrokerRejected) as caught:
        swap.place(order("swap", 1), now=clock.now())
    assert (caught.value.code, caught.value.venue_code) == (Rejection.POSITION_MODE, "-4061")
    swap.place(order("swap", 2), now=clock.now())
    assert venue.placed()[2]["positionSide"] == "LONG"
    assert len(venue.orders()) == 2


def test_prepare_sets_margin_mode_and_leverage_once(venue: Venue, swap: Broker, order: Order) -> None:
    request = order("swap", leverage=Decimal(5), margin_mode="isolated")
    swap.prepare(request)
    swap.prepare(request)
    assert (venue.swap.margin, venue.swap.leverage) == ({"BTCUSDT": "ISOLATED"}, {"BTCUSDT": 5})
    assert venue.count("POST", "/fapi/v1/leverage") == 1
    assert venue.count("POST", "/fapi/v1/marginType") == 1
    assert venue.placed() == []


def test_what_another_process_has_set_is_set_back(venue: Venue, swap: Broker, order: Order) -> None:
    other = broker_class("binance")(venue.access(market="swap"))
    for broker, leverage in ((swap, 3), (other, 10), (swap, 3), (other, 3), (swap, 3), (other, 10)):
        broker.prepare(order("swap", leverage=Decimal(leverage)))
        assert venue.swap.leverage == {"BTCUSDT": leverage}
    assert venue.count("POST", "/fapi/v1/leverage") == 4


def test_what_nobody_can_tell_is_set_for_each_order(venue: Venue, order: Order) -> None:
    swap = broker_class("binance")(venue.access(market="swap", told=Untold()))
    for leverage in (3, 3, 10):
        swap.prepare(order("swap", leverage=Decimal(leverage)))
    assert venue.count("POST", "/fapi/v1/leverage") == 3


def test_a_leverage_that_the_venue_did_not_take_is_not_believed(venue: Venue, swap: Broker, order: Order) -> None:
    swap.prepare(order("swap", leverage=Decimal(3)))
    venue.credentials["api_key"] = "another"
    with pytest.raises(BrokerRejected):
        swap.prepare(order("swap", leverage=Decimal(10)))
    assert venue.told.values == {}


def test_a_margin_mode_that_is_set_already_is_no_error(venue: Venue, swap: Broker, order: Order) -> None:
    swap.prepare(order("swap", leverage=Decimal(5), margin_mode="cross"))
    assert venue.swap.leverage == {"BTCUSDT": 5}


def test_an_order_that_reduces_changes_no_leverage(venue: Venue, swap: Broker, order: Order) -> None:
    swap.prepare(order("swap", side=Side.SELL, closes=True, leverage=Decimal(5)))
    assert venue.swap.leverage == {}


def test_leverage_is_a_whole_number(venue: Venue, swap: Broker, order: Order) -> None:
    with pytest.raises(BrokerRejected, match="whole number"):
        swap.prepare(order("swap", leverage=Decimal("2.5")))
    assert venue.count("POST", "/fapi/v1/leverage") == 0


def test_post_only_and_reduce_only_limits(venue: Venue, swap: Broker, order: Order) -> None:
    swap.place(order("swap", type=OrderType.LIMIT, price=Decimal("40000.17"), post_only=True), now=clock.now())
    sent = venue.placed()[0]
    assert (sent["type"], sent["timeInForce"], sent["price"]) == ("LIMIT", "GTX", "40000.1")


def test_a_stop_is_followed_to_the_order_that_it_becomes(venue: Venue, swap: Broker, order: Order) -> None:
    swap.place(order("swap"), now=clock.now())
    stop = order("swap", 1, side=Side.SELL, closes=True, type=OrderType.STOP, stop_price=Decimal(45000))
    report = swap.place(stop, now=clock.now())
    assert report.status is ReportStatus.OPEN
    assert venue.placed()[1]["clientAlgoId"] == client_id(1)
    assert [one.client_order_id for one in swap.open_orders()] == [client_id(1)]
    venue.swap.trigger(venue.swap.orders[1], Decimal(44990), venue.now)
    found = swap.fetch(client_id(1), symbol=BTC, now=clock.now())
    assert found is not None
    assert (found.status, found.client_order_id) == (ReportStatus.FILLED, client_id(1))
    assert [(fill.quantity, fill.price) for fill in found.fills] == [(Decimal("0.01"), Decimal(44990))]


def test_a_trailing_stop_sends_its_distance_in_percent(venue: Venue, swap: Broker, order: Order) -> None:
    swap.place(order("swap"), now=clock.now())
    trailing = order("swap", 1, side=Side.SELL, closes=True, type=OrderType.TRAILING_STOP, trailing=Decimal("0.015"))
    assert swap.place(trailing, now=clock.now()).status is ReportStatus.OPEN
    sent = venue.placed()[1]
    assert (sent["type"], sent["callbackRate"], sent["reduceOnly"]) == ("TRAILING_STOP_MARKET", "1.5", "true")


def test_cancel_and_cancel_all_know_triggered_orders(venue: Venue, swap: Broker, order: Order) -> None:
    swap.place(order("swap"), now=clock.now())
    for number in (1, 2):
        stop = order("swap", number, side=Side.SELL, type=OrderType.STOP, stop_price=Decimal(45000))
        swap.place(stop, now=clock.now())
    swap.place(order("swap", 3, type=OrderType.LIMIT, price=Decimal(40000)), now=clock.now())
    found = swap.cancel(client_id(1), symbol=BTC, now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.CANCELED
    assert swap.cancel_all(symbol=BTC) == 2
    assert [one.status for one in venue.swap.orders] == ["FILLED", "CANCELED", "CANCELED", "CANCELED"]


def test_positions_balances_and_trades(venue: Venue, swap: Broker, order: Order) -> None:
    start = clock.now() - timedelta(minutes=1)
    swap.place(order("swap", side=Side.SELL), now=clock.now())
    [position] = swap.positions()
    assert (position.symbol, position.side, position.quantity) == (BTC, "short", Decimal("0.01"))
    assert position.mark_price == Decimal("49999.9")
    assert position.unrealised_pnl == Decimal("-0.2")
    [trade] = swap.trades(since=start)
    assert (trade.symbol, trade.side, trade.client_order_id) == (BTC, Side.SELL, client_id())
    assert set(swap.balances()) == {"USDT"}
    assert swap.max_quantity(BTC, side=Side.BUY, price=Decimal(50000)) is None


def test_funding_is_a_trade_of_nothing_whose_fee_was_paid(venue: Venue, swap: Broker, order: Order) -> None:
    start = clock.now() - timedelta(minutes=1)
    swap.place(order("swap"), now=clock.now())
    venue.funding = [
        {
            "symbol": "BTCUSDT", "incomeType": "FUNDING_FEE", "income": "-0.37500000", "asset": "USDT",
            "time": venue.now, "tranId": 4711, "info": "FUNDING_FEE", "tradeId": "",
        }
    ]  # fmt: skip
    funding = [trade for trade in swap.trades(since=start, symbol=BTC) if trade.cause is Cause.FUNDING]
    assert [(one.fill.quantity, one.fill.fee, one.fill.fee_currency) for one in funding] == [
        (Decimal(0), Decimal("0.375"), "USDT")
    ]
    assert (funding[0].symbol, funding[0].fill.trade_id) == (BTC, "funding-4711")


def test_attached_exits_are_refused_before_any_call(venue: Venue, swap: Broker, order: Order) -> None:
    request = order("swap", attached=(AttachedExit(kind=Cause.STOP_LOSS, trigger=Decimal(45000)),))
    for ask in (swap.prepare, lambda asked: swap.place(asked, now=clock.now())):
        with pytest.raises(BrokerRejected, match="exits attached") as caught:
            ask(request)
        assert caught.value.code == Rejection.UNSUPPORTED
    assert venue.requests == []


def test_the_key_tells_of_the_position_mode(venue: Venue, swap: Broker) -> None:
    venue.swap.hedge = True
    assert swap.key().position_mode == "hedge"


def test_futures_funds_and_sizes(venue: Venue, swap: Broker, order: Order) -> None:
    venue.swap.balances["USDT"] = Decimal(1)
    with pytest.raises(BrokerRejected) as caught:
        swap.place(order("swap"), now=clock.now())
    assert (caught.value.code, caught.value.venue_code) == (Rejection.INSUFFICIENT_FUNDS, "-2019")
    with pytest.raises(BrokerRejected) as caught:
        swap.place(order("swap", 1, quantity=Decimal("0.0009")), now=clock.now())
    assert caught.value.code == Rejection.BELOW_MINIMUM
    assert venue.orders() == []


def test_the_quote_of_a_contract_comes_from_its_book(venue: Venue) -> None:
    quote = broker_class("binance")(venue.access(market="swap", credentials={})).quote(BTC, now=clock.now())
    assert (quote.bid, quote.ask) == (Decimal("49999.9"), Decimal("50000.1"))
    assert (quote.bid_size, quote.ask_size) == (Decimal("3.5"), Decimal("3.5"))
