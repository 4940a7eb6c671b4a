"""Spot orders on Binance, whose loopback double verifies signature, time, id, filters and funds."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import (
    Balance,
    Broker,
    BrokerRejected,
    Cause,
    Intended,
    OrderRequest,
    Rejection,
    ReportStatus,
    TimeInForce,
)
from tests.fakes.binance import Venue
from tradeops.core import clock
from tradeops.core.money import OrderType, Side

from .conftest import client_id

Order = Callable[..., OrderRequest]


def test_the_instrument_has_the_venues_rules(spot: Broker) -> None:
    found = spot.instrument("BTC/USDT")
    assert (found.lot, found.tick) == (Decimal("0.00001"), Decimal("0.01"))
    assert (found.min_quantity, found.max_quantity, found.min_notional) == (
        Decimal("0.00001"),
        Decimal(9000),
        Decimal(5),
    )
    assert (found.base, found.quote, found.contract, found.venue_symbol) == ("BTC", "USDT", Decimal(1), "BTCUSDT")


def test_an_unknown_symbol_is_named(spot: Broker) -> None:
    with pytest.raises(BrokerRejected, match="XYZ/USDT") as caught:
        spot.instrument("XYZ/USDT")
    assert caught.value.code == Rejection.UNKNOWN_INSTRUMENT


def test_markets_are_loaded_once_for_all_accounts(venue: Venue, spot: Broker, order: Order) -> None:
    from accounts.brokers.by_ccxt import broker_class

    another = broker_class("binance")(venue.access(account_id=2))
    spot.instrument("BTC/USDT")
    another.instrument("ETH/USDT")
    spot.balances()
    assert venue.count("GET", "/api/v3/exchangeInfo") == 1


def test_a_market_buy_is_filled_with_its_trades(venue: Venue, spot: Broker, order: Order) -> None:
    report = spot.place(order(), now=clock.now())
    [sent] = venue.placed()
    assert sent["newClientOrderId"] == client_id()
    assert (sent["type"], sent["side"], sent["quantity"]) == ("MARKET", "BUY", "0.01")
    assert "quoteOrderQty" not in sent
    assert report.status is ReportStatus.FILLED
    [fill] = report.fills
    assert (fill.quantity, fill.price) == (Decimal("0.01"), Decimal("50000.1"))
    assert (fill.fee, fill.fee_currency) == (Decimal("0.00001"), "BTC")
    assert fill.trade_id == str(venue.spot.trades[0].number)
    assert report.client_order_id == client_id()
    assert report.venue_order_id == str(venue.spot.orders[0].number)


def test_a_buy_by_value_sends_the_value(venue: Venue, spot: Broker, order: Order) -> None:
    report = spot.place(order(quote_amount=Decimal("123.45")), now=clock.now())
    [sent] = venue.placed()
    assert sent["quoteOrderQty"] == "123.45"
    assert "quantity" not in sent
    assert report.filled == Decimal("0.00246")


def test_quantities_are_rounded_down_and_never_up(venue: Venue, spot: Broker, order: Order) -> None:
    spot.place(order(quantity=Decimal("0.0123456789")), now=clock.now())
    assert venue.placed()[0]["quantity"] == "0.01234"


@pytest.mark.parametrize(
    ("side", "sent"),
    [(Side.BUY, "40000.12"), (Side.SELL, "60000.13")],
    ids=["a buyer's down", "a seller's up"],
)
def test_limits_are_never_worse_than_asked(venue: Venue, spot: Broker, order: Order, side: Side, sent: str) -> None:
    price = Decimal("40000.129") if side is Side.BUY else Decimal("60000.121")
    report = spot.place(order(type=OrderType.LIMIT, side=side, price=price), now=clock.now())
    assert venue.placed()[0]["price"] == sent
    assert venue.placed()[0]["timeInForce"] == "GTC"
    assert report.status is ReportStatus.OPEN
    assert report.fills == ()


@pytest.mark.parametrize(("tif", "sent"), [(TimeInForce.IOC, "IOC"), (TimeInForce.FOK, "FOK")])
def test_time_in_force(venue: Venue, spot: Broker, order: Order, tif: TimeInForce, sent: str) -> None:
    request = order(type=OrderType.LIMIT, price=Decimal(40000), time_in_force=tif)
    spot.place(request, now=clock.now())
    assert venue.placed()[0]["timeInForce"] == sent


def test_post_only_rests_or_is_refused(venue: Venue, spot: Broker, order: Order) -> None:
    rests = order(type=OrderType.LIMIT, price=Decimal(40000), post_only=True)
    assert spot.place(rests, now=clock.now()).status is ReportStatus.OPEN
    assert venue.placed()[0]["type"] == "LIMIT_MAKER"
    takes = order(number=1, type=OrderType.LIMIT, price=Decimal(60000), post_only=True)
    with pytest.raises(BrokerRejected) as caught:
        spot.place(takes, now=clock.now())
    assert (caught.value.code, caught.value.venue_code) == (Rejection.WOULD_TAKE, "-2010")
    assert venue.spot.trades == []


def test_a_stop_rests_and_is_followed_to_its_fill(venue: Venue, spot: Broker, order: Order) -> None:
    request = order(type=OrderType.STOP, side=Side.SELL, stop_price=Decimal(45000), closes=True)
    assert spot.place(request, now=clock.now()).status is ReportStatus.OPEN
    assert (venue.placed()[0]["type"], venue.placed()[0]["stopPrice"]) == ("STOP_LOSS", "45000")
    venue.spot.trigger(venue.spot.orders[0], Decimal(44990), venue.now)
    found = spot.fetch(client_id(), symbol="BTC/USDT", now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.FILLED
    assert [(fill.quantity, fill.price) for fill in found.fills] == [(Decimal("0.01"), Decimal(44990))]


def test_a_stop_limit_sends_both_prices(venue: Venue, spot: Broker, order: Order) -> None:
    request = order(type=OrderType.STOP_LIMIT, side=Side.SELL, stop_price=Decimal(45000), price=Decimal(44900))
    spot.place(request, now=clock.now())
    sent = venue.placed()[0]
    assert (sent["type"], sent["stopPrice"], sent["price"]) == ("STOP_LOSS_LIMIT", "45000", "44900")


def test_closing_sells_no_more_than_is_free(venue: Venue, spot: Broker, order: Order) -> None:
    venue.spot.balances["BTC"] = Decimal("0.0099912")
    spot.place(order(side=Side.SELL, closes=True), now=clock.now())
    assert venue.placed()[0]["quantity"] == "0.00999"


def test_nothing_free_to_close_is_said_before_anything_is_sent(venue: Venue, spot: Broker, order: Order) -> None:
    venue.spot.balances["BTC"] = Decimal(0)
    with pytest.raises(BrokerRejected) as caught:
        spot.place(order(side=Side.SELL, closes=True), now=clock.now())
    assert caught.value.code == Rejection.NOTHING_TO_REDUCE
    assert venue.placed() == []


def test_a_partial_fill_is_partial_until_the_rest_is_there(venue: Venue, spot: Broker, order: Order) -> None:
    venue.spot.part = Decimal("0.4")
    report = spot.place(order(), now=clock.now())
    assert report.status is ReportStatus.PARTIALLY_FILLED
    assert report.filled == Decimal("0.004")
    venue.spot.fill(venue.spot.orders[0], Decimal("0.006"), Decimal(50001), venue.now)
    found = spot.fetch(client_id(), symbol="BTC/USDT", now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.FILLED
    assert [fill.quantity for fill in found.fills] == [Decimal("0.004"), Decimal("0.006")]
    assert found.fills[0].trade_id == report.fills[0].trade_id


def test_an_order_whose_trades_are_not_listed_yet_is_not_finished(venue: Venue, spot: Broker, order: Order) -> None:
    spot.place(order(), now=clock.now())
    trades, venue.spot.trades = venue.spot.trades, []
    found = spot.fetch(client_id(), symbol="BTC/USDT", now=clock.now())
    assert found is not None
    assert (found.status, found.fills, found.filled) == (ReportStatus.OPEN, (), Decimal("0.01"))
    venue.spot.trades = trades
    found = spot.fetch(client_id(), symbol="BTC/USDT", now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.FILLED


def test_an_unknown_id_is_nothing(spot: Broker) -> None:
    assert spot.fetch(client_id(9), symbol="BTC/USDT", now=clock.now()) is None
    assert spot.cancel(client_id(9), symbol="BTC/USDT", now=clock.now()) is None


def test_a_filled_id_taken_again_is_another_order_there(venue: Venue, spot: Broker, order: Order) -> None:
    spot.place(order(), now=clock.now())
    spot.place(order(), now=clock.now())
    assert len(venue.orders(client_id())) == 2
    assert spot.capabilities.reuses_ids


def test_a_resting_id_taken_again_is_the_order_that_rests(venue: Venue, spot: Broker, order: Order) -> None:
    request = order(type=OrderType.LIMIT, price=Decimal(40000))
    first = spot.place(request, now=clock.now())
    again = spot.place(request, now=clock.now())
    assert (again.venue_order_id, again.status) == (first.venue_order_id, ReportStatus.OPEN)
    assert len(venue.orders(client_id())) == 1


def test_cancel_gives_the_order_as_it_is_then(venue: Venue, spot: Broker, order: Order) -> None:
    spot.place(order(type=OrderType.LIMIT, price=Decimal(40000)), now=clock.now())
    found = spot.cancel(client_id(), symbol="BTC/USDT", now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.CANCELED


def test_cancel_of_a_filled_order_tells_of_the_fill(venue: Venue, spot: Broker, order: Order) -> None:
    spot.place(order(), now=clock.now())
    found = spot.cancel(client_id(), symbol="BTC/USDT", now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.FILLED
    assert venue.count("DELETE", "/api/v3/order") == 0


def test_cancel_all_takes_orders_by_hand_too(venue: Venue, spot: Broker, order: Order) -> None:
    spot.place(order(type=OrderType.LIMIT, price=Decimal(40000)), now=clock.now())
    by_hand = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "2000"}
    venue.spot.place({**by_hand, "newClientOrderId": "web_1"}, venue.now)
    assert {report.client_order_id for report in spot.open_orders()} == {client_id(), "web_1"}
    assert [report.client_order_id for report in spot.open_orders(symbol="ETH/USDT")] == ["web_1"]
    assert spot.cancel_all() == 2
    assert spot.open_orders() == ()
    assert [one.status for one in venue.spot.orders] == ["CANCELED", "CANCELED"]


def test_trades_are_listed_with_our_ids_and_those_by_hand(venue: Venue, spot: Broker, order: Order) -> None:
    start = clock.now() - timedelta(minutes=1)
    spot.place(order(), now=clock.now())
    by_hand = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.002"}
    venue.spot.place({**by_hand, "newClientOrderId": "web_1"}, venue.now)
    ours, hand = spot.trades(since=start)
    assert (ours.client_order_id, ours.side, ours.fill.quantity) == (client_id(), Side.BUY, Decimal("0.01"))
    assert (hand.client_order_id, hand.side, hand.fill.quantity) == ("web_1", Side.SELL, Decimal("0.002"))
    assert ours.fill.trade_id == str(venue.spot.trades[0].number)
    assert ours.venue_order_id == str(venue.spot.orders[0].number)
    assert {ours.cause, hand.cause} == {Cause.HAND}


def test_more_trades_than_one_answer_holds_are_all_listed(venue: Venue, spot: Broker, order: Order) -> None:
    start = clock.now() - timedelta(hours=2)
    spot.place(order(type=OrderType.LIMIT, price=Decimal(40000), quantity=Decimal(1)), now=clock.now())
    begin = int(start.timestamp() * 1000) + 1
    for number in range(1500):
        venue.spot.fill(venue.spot.orders[0], Decimal("0.00001"), Decimal(40000), begin + number * 4000)
    found = spot.trades(since=start, symbol="BTC/USDT")
    assert len(found) == len({trade.fill.trade_id for trade in found}) == 1500
    assert [trade.fill.at for trade in found] == sorted(trade.fill.at for trade in found)


def test_balances_and_what_funds_allow(venue: Venue, spot: Broker) -> None:
    assert spot.balances() == {
        "USDT": Balance(total=Decimal(100000), free=Decimal(100000)),
        "BTC": Balance(total=Decimal(1), free=Decimal(1)),
    }
    assert spot.max_quantity("BTC/USDT", side=Side.BUY, price=Decimal(50000)) == Decimal(2)
    assert spot.max_quantity("BTC/USDT", side=Side.SELL, price=Decimal(50000)) == Decimal(1)
    assert venue.count("GET", "/api/v3/account") == 3
    assert spot.positions() == ()


def test_what_was_sold_elsewhere_is_asked_for(venue: Venue, spot: Broker) -> None:
    """A free balance is used again for two seconds, but never to say that an order is too large."""
    price = Decimal(50000)
    small, large = Intended(quantity=Decimal(1)), Intended(quantity=Decimal("2.5"))
    assert spot.max_quantity("BTC/USDT", side=Side.BUY, price=price, intended=small) == Decimal(2)
    venue.spot.balances["USDT"] = Decimal(150000)
    assert spot.max_quantity("BTC/USDT", side=Side.BUY, price=price, intended=small) == Decimal(2)
    assert spot.max_quantity("BTC/USDT", side=Side.BUY, price=price, intended=large) == Decimal(3)
    assert venue.count("GET", "/api/v3/account") == 2


def test_the_quote_needs_no_key(venue: Venue) -> None:
    from accounts.brokers.by_ccxt import broker_class

    now = clock.now()
    quote = broker_class("binance")(venue.access(credentials={})).quote("BTC/USDT", now=now)
    assert (quote.bid, quote.ask, quote.last) == (Decimal("49999.9"), Decimal("50000.1"), Decimal("50000.0"))
    assert (quote.at, quote.source, quote.volume) == (now, "binance", Decimal("1234.567"))
    assert (quote.bid_size, quote.ask_size) == (Decimal("3.5"), Decimal("3.5"))


def test_without_a_key_no_order_is_tried(venue: Venue, order: Order) -> None:
    from accounts.brokers.by_ccxt import broker_class

    broker = broker_class("binance")(venue.access(credentials={}))
    with pytest.raises(BrokerRejected) as caught:
        broker.place(order(), now=clock.now())
    assert caught.value.code == Rejection.NO_CREDENTIALS
    assert venue.placed() == []


def test_a_preview_changes_nothing(venue: Venue, spot: Broker, order: Order) -> None:
    found = spot.preview(order(type=OrderType.LIMIT, price=Decimal("40000.129")), now=clock.now())
    assert (found.status, found.message) == (ReportStatus.OPEN, "would buy 0.01 at 40000.12 (limit)")
    assert spot.preview(order(), now=clock.now()).status is ReportStatus.FILLED
    small = spot.preview(order(quantity=Decimal("0.000001")), now=clock.now())
    assert (small.status, small.code) == (ReportStatus.REJECTED, Rejection.BELOW_MINIMUM)
    assert venue.placed() == []


def test_what_the_key_may_do(venue: Venue, spot: Broker) -> None:
    venue.restrictions |= {"enableWithdrawals": True, "ipRestrict": False}
    facts = spot.key()
    assert (facts.read, facts.trade, facts.withdraw, facts.ip_bound) == (True, True, True, False)
    assert facts.position_mode == ""
