"""Markets that an exchange halts or lists no longer: what rests and was traded there is told all the same, and does not
stand in the way of the account's other markets."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import Broker, BrokerRejected, OrderRequest, Rejection, ReportStatus
from accounts.brokers.by_ccxt import broker_class, markets
from tests.accounts.ccxt.conftest import SYMBOLS, client_id
from tests.fakes.binance import Venue
from tradeops.core import clock
from tradeops.core.money import OrderType

Order = Callable[..., OrderRequest]
HALTED, GONE = "BREAK", ""
ETH = {"spot": "ETH/USDT", "swap": "ETH/USDT:USDT"}


@pytest.fixture(params=["spot", "swap"])
def market(request) -> str:
    return str(request.param)


@pytest.fixture
def traded(venue: Venue, market: str, order: Order) -> Callable[[str], Broker]:
    """An order that rests in each of two markets and one filled in each; then one of them is no longer as it was."""

    def make(status: str) -> Broker:
        broker = broker_class("binance")(venue.access(market=market))
        for number, symbol in enumerate((SYMBOLS[market], ETH[market])):
            broker.place(order(market, 2 * number, symbol=symbol, quantity=Decimal("0.1")), now=clock.now())
            resting = order(
                market,
                2 * number + 1,
                symbol=symbol,
                type=OrderType.LIMIT,
                price=Decimal(2000),
                quantity=Decimal("0.1"),
            )
            broker.place(resting, now=clock.now())
        (venue.spot if market == "spot" else venue.swap).status["ETHUSDT"] = status
        markets.forget()
        return broker_class("binance")(venue.access(market=market))

    return make


def test_a_halted_market_takes_no_order_and_says_why(traded, market: str, order: Order) -> None:
    with pytest.raises(BrokerRejected, match="halted") as refused:
        traded(HALTED).place(order(market, 8, symbol=ETH[market]), now=clock.now())
    assert refused.value.code == Rejection.UNKNOWN_INSTRUMENT


def test_what_rests_in_a_halted_market_is_listed_asked_after_and_cancelled(traded, market: str) -> None:
    broker = traded(HALTED)
    assert {report.client_order_id for report in broker.open_orders()} == {client_id(1), client_id(3)}
    found = broker.fetch(client_id(3), symbol=ETH[market], now=clock.now())
    assert found is not None
    assert (found.status, found.filled) == (ReportStatus.OPEN, 0)
    gone = broker.cancel(client_id(3), symbol=ETH[market], now=clock.now())
    assert gone is not None
    assert gone.status is ReportStatus.CANCELED


def test_what_was_traded_and_is_held_in_a_halted_market_is_told(traded, market: str) -> None:
    broker = traded(HALTED)
    trades = broker.trades(since=clock.now() - timedelta(minutes=1))
    assert [(trade.symbol, trade.client_order_id) for trade in trades] == [
        (SYMBOLS[market], client_id(0)), (ETH[market], client_id(2)),
    ]  # fmt: skip
    held = {position.symbol for position in broker.positions()}
    assert held == (set() if market == "spot" else {SYMBOLS["swap"], ETH["swap"]})


def test_what_is_not_listed_any_more_does_not_hide_the_other_markets(traded, market: str) -> None:
    broker = traded(GONE)
    assert [report.client_order_id for report in broker.open_orders()] == [client_id(1)]
    trades = broker.trades(since=clock.now() - timedelta(minutes=1))
    assert [trade.client_order_id for trade in trades] == [client_id(0)]
    with pytest.raises(BrokerRejected, match="has no symbol") as refused:
        broker.fetch(client_id(3), symbol=ETH[market], now=clock.now())
    assert refused.value.code == Rejection.UNKNOWN_INSTRUMENT
