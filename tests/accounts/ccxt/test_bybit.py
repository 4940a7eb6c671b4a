"""Bybit, whose orders are found by id in its lists: one that cannot be asked for an order in one question."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import Broker, BrokerRejected, Cause, OrderRequest, Rejection, ReportStatus
from accounts.brokers.by_ccxt import broker_class, markets
from tests.fakes.bybit import CREDENTIALS, Venue, running_bybit
from tradeops.core import clock
from tradeops.core.money import OrderType, Side

from .conftest import SYMBOLS, client_id

Order = Callable[..., OrderRequest]
BOTH = pytest.mark.parametrize("market", ["spot", "swap"])


@pytest.fixture
def venue() -> Iterator[Venue]:
    markets.forget()
    with running_bybit() as running:
        yield running


def broker_of(venue: Venue, market: str, **changes: object) -> Broker:
    return broker_class("bybit")(venue.access(market, **changes))


@BOTH
def test_a_market_buy_is_of_the_base_and_found_again(venue: Venue, order: Order, market: str) -> None:
    broker = broker_of(venue, market)
    report = broker.place(order(market), now=clock.now())
    [sent] = venue.placed()
    assert (sent["orderLinkId"], sent["qty"]) == (client_id(), "0.01")
    assert sent.get("marketUnit") == ("baseCoin" if market == "spot" else None)
    assert report.status is ReportStatus.FILLED
    assert [(fill.quantity, fill.price) for fill in report.fills] == [(Decimal("0.01"), Decimal(50000))]
    found = broker.fetch(client_id(), symbol=SYMBOLS[market], now=clock.now())
    assert found is not None
    assert (found.fills, found.venue_order_id) == (report.fills, report.venue_order_id)
    assert broker.fetch(client_id(9), symbol=SYMBOLS[market], now=clock.now()) is None


@BOTH
def test_a_limit_rests_and_is_cancelled(venue: Venue, order: Order, market: str) -> None:
    broker = broker_of(venue, market)
    request = order(market, type=OrderType.LIMIT, price=Decimal("40000.19"), post_only=True)
    assert broker.place(request, now=clock.now()).status is ReportStatus.OPEN
    assert (venue.placed()[0]["price"], venue.placed()[0]["timeInForce"]) == ("40000.1", "PostOnly")
    assert [one.client_order_id for one in broker.open_orders(symbol=SYMBOLS[market])] == [client_id()]
    found = broker.cancel(client_id(), symbol=SYMBOLS[market], now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.CANCELED


@pytest.mark.parametrize("hedge", [False, True], ids=["one-way", "hedge"])
def test_closing_in_either_position_mode(venue: Venue, order: Order, hedge: bool) -> None:
    venue.hedge = hedge
    broker = broker_of(venue, "swap")
    broker.place(order("swap"), now=clock.now())
    [position] = broker.positions()
    assert (position.side, position.quantity) == ("long", Decimal("0.01"))
    broker.place(order("swap", 1, side=Side.SELL, closes=True), now=clock.now())
    opened, closed = venue.placed()
    assert (opened.get("positionIdx"), closed.get("positionIdx")) == ((1, 1) if hedge else (None, None))
    assert closed.get("reduceOnly") is (None if hedge else True)
    assert venue.net() == 0


def test_a_stop_rests_by_its_direction_and_is_followed(venue: Venue, order: Order) -> None:
    broker = broker_of(venue, "swap")
    broker.place(order("swap"), now=clock.now())
    stop = order("swap", 1, side=Side.SELL, closes=True, type=OrderType.STOP, stop_price=Decimal(45000))
    assert broker.place(stop, now=clock.now()).status is ReportStatus.OPEN
    assert (venue.placed()[1]["triggerPrice"], venue.placed()[1]["triggerDirection"]) == ("45000", 2)
    venue.price = Decimal(44990)
    venue.fill(venue.orders[1])
    found = broker.fetch(client_id(1), symbol=SYMBOLS["swap"], now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.FILLED
    assert [fill.price for fill in found.fills] == [Decimal(44990)]


@BOTH
def test_trades_carry_our_id(venue: Venue, order: Order, market: str) -> None:
    broker = broker_of(venue, market)
    since = clock.now() - timedelta(minutes=1)
    broker.place(order(market), now=clock.now())
    [trade] = broker.trades(since=since, symbol=SYMBOLS[market])
    assert (trade.client_order_id, trade.side, trade.fill.quantity) == (client_id(), Side.BUY, Decimal("0.01"))


def test_funding_is_no_trade_of_the_positions_size(venue: Venue, order: Order) -> None:
    broker = broker_of(venue, "swap")
    since = clock.now() - timedelta(minutes=1)
    broker.place(order("swap"), now=clock.now())
    venue.trades.append(
        {**venue.trades[0], "execId": "f-1", "execType": "Funding", "execFee": "0.05", "orderLinkId": ""}
    )
    entry, funding = sorted(broker.trades(since=since, symbol=SYMBOLS["swap"]), key=lambda one: one.cause != Cause.HAND)
    assert (entry.cause, entry.fill.quantity) == (Cause.HAND, Decimal("0.01"))
    assert (funding.cause, funding.fill.quantity, funding.fill.fee) == (Cause.FUNDING, Decimal(0), Decimal("0.05"))


def test_a_duplicate_is_the_order_that_is_there(venue: Venue, order: Order) -> None:
    broker = broker_of(venue, "swap")
    first = broker.place(order("swap"), now=clock.now())
    again = broker.place(order("swap"), now=clock.now())
    assert again.venue_order_id == first.venue_order_id
    assert len(venue.orders) == 1


@pytest.mark.parametrize("name", ["api_key", "secret"])
def test_a_wrong_key_is_named(venue: Venue, name: str) -> None:
    broker = broker_of(venue, "swap", credentials={**CREDENTIALS, name: "wrong-wrong-wrong"})
    with pytest.raises(BrokerRejected, match="API key") as caught:
        broker.balances()
    assert caught.value.code == Rejection.BAD_KEY


def test_funds_balances_quote_and_key(venue: Venue, order: Order) -> None:
    broker = broker_of(venue, "swap")
    with pytest.raises(BrokerRejected) as caught:
        broker.place(order("swap", quantity=Decimal(100)), now=clock.now())
    assert (caught.value.code, caught.value.venue_code) == (Rejection.INSUFFICIENT_FUNDS, "110007")
    assert broker.balances()["USDT"].total == Decimal(100000)
    quote = broker.quote(SYMBOLS["swap"], now=clock.now())
    assert quote.bid == Decimal("49999.9")
    assert (quote.bid_size, quote.ask_size) == (Decimal("0.004"), None)  # of the ask it tells no size
    facts = broker.key()
    assert (facts.trade, facts.withdraw, facts.ip_bound, facts.position_mode) == (True, False, True, "one_way")
