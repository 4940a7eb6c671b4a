"""ccxt's own OKX class against the OKX venue: a second view of both, since neither was written for the other."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.brokers.base import (
    Access,
    AttachedExit,
    Broker,
    BrokerRejected,
    BrokerUnknown,
    Cause,
    OrderRequest,
    Rejection,
    ReportStatus,
)
from accounts.brokers.by_ccxt import broker_class, markets
from accounts.throttle import Unlimited
from tests.fakes.venue import running_venue
from tradeops.core import clock
from tradeops.core.money import OrderType, Side

from .conftest import SYMBOLS, client_id

Order = Callable[..., OrderRequest]


@pytest.fixture
def venue(request: pytest.FixtureRequest) -> Iterator[Any]:
    markets.forget()
    with running_venue(position_mode=getattr(request, "param", "net_mode")) as running:
        yield running


def broker_of(venue: Any, market: str, **changes: Any) -> Broker:
    facts: dict[str, Any] = {
        "account_id": 1, "slug": "okx-1", "broker": "okx", "market": market, "throttle": Unlimited(), "sandbox": True,
        "base_url": venue.url, "credentials": venue.credentials,
    }  # fmt: skip
    return broker_class("okx")(Access(**{**facts, **changes}))


@pytest.mark.parametrize("market", ["spot", "swap"])
def test_a_buy_is_filled_in_base_units_and_found_again(venue: Any, order: Order, market: str) -> None:
    broker = broker_of(venue, market)
    report = broker.place(order(market), now=clock.now())
    assert report.status is ReportStatus.FILLED
    assert sum(fill.quantity for fill in report.fills) == Decimal("0.01")
    found = broker.fetch(client_id(), symbol=SYMBOLS[market], now=clock.now())
    assert found is not None
    assert (found.status, found.fills) == (ReportStatus.FILLED, report.fills)
    [accepted] = venue.ledger.orders
    assert accepted["clOrdId"] == client_id()


def test_a_contract_is_what_the_venue_says_it_is(venue: Any) -> None:
    found = broker_of(venue, "swap").instrument("BTC/USDT:USDT")
    assert (found.contract, found.lot, found.venue_symbol) == (Decimal("0.01"), Decimal("0.0001"), "BTC-USDT-SWAP")


@pytest.mark.parametrize(("market", "size"), [("spot", 1000), ("swap", 10)])
def test_a_quote_tells_how_much_is_there_in_base_units(venue: Any, market: str, size: int) -> None:
    quote = broker_of(venue, market).quote(SYMBOLS[market], now=clock.now())  # the venue tells 1000 of its own
    assert (quote.bid_size, quote.ask_size) == (size, size)


def test_a_buy_by_value(venue: Any, order: Order) -> None:
    report = broker_of(venue, "spot").place(order(quote_amount=Decimal(100)), now=clock.now())
    assert report.status is ReportStatus.FILLED
    assert Decimal(99) < sum(fill.quantity * fill.price for fill in report.fills) <= Decimal(100)


@pytest.mark.parametrize("venue", ["net_mode", "long_short_mode"], indirect=True)
def test_opening_and_closing_in_either_position_mode(venue: Any, order: Order) -> None:
    broker = broker_of(venue, "swap")
    broker.prepare(order("swap", leverage=Decimal(5), margin_mode="cross"))
    broker.place(order("swap"), now=clock.now())
    [position] = broker.positions()
    assert (position.side, position.quantity, position.leverage) == ("long", Decimal("0.01"), Decimal(5))
    broker.place(order("swap", 1, side=Side.SELL, closes=True), now=clock.now())
    assert broker.positions() == ()
    assert venue.ledger.positions == []


def test_a_limit_rests_and_is_cancelled(venue: Any, order: Order) -> None:
    broker = broker_of(venue, "swap")
    report = broker.place(order("swap", type=OrderType.LIMIT, price=Decimal(40000), post_only=True), now=clock.now())
    assert report.status is ReportStatus.OPEN
    assert [one.client_order_id for one in broker.open_orders()] == [client_id()]
    found = broker.cancel(client_id(), symbol="BTC/USDT:USDT", now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.CANCELED
    assert broker.open_orders() == ()


@pytest.mark.parametrize("market", ["spot", "swap"])
@pytest.mark.parametrize("fault", ["error_after_accept", "reset_after_send"])
def test_a_lost_answer_is_unknown_and_the_order_is_found(venue: Any, order: Order, market: str, fault: str) -> None:
    broker = broker_of(venue, market)
    broker.preview(order(market), now=clock.now())
    venue.faults.next(fault)
    with pytest.raises(BrokerUnknown):
        broker.place(order(market), now=clock.now())
    found = broker.fetch(client_id(), symbol=SYMBOLS[market], now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.FILLED
    assert len(venue.ledger.orders) == 1


def test_a_stop_goes_with_an_entry(venue: Any, order: Order) -> None:
    exits = (AttachedExit(kind=Cause.STOP_LOSS, trigger=Decimal(45000)),)
    report = broker_of(venue, "swap").place(order("swap", attached=exits), now=clock.now())
    assert report.status is ReportStatus.FILLED


def test_trades_are_ours_by_our_id(venue: Any, order: Order) -> None:
    broker = broker_of(venue, "spot")
    since = clock.now() - timedelta(minutes=1)
    broker.place(order(), now=clock.now())
    [trade] = broker.trades(since=since)
    assert (trade.client_order_id, trade.symbol, trade.side) == (client_id(), "BTC/USDT", Side.BUY)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"passphrase": "wrong-wrong"}, Rejection.BAD_PASSPHRASE),
        ({"secret": "wrong-wrong"}, Rejection.BAD_KEY),
        ({"api_key": "wrong-wrong"}, Rejection.BAD_KEY),
    ],
    ids=["passphrase", "secret", "key"],
)
def test_wrong_credentials_are_named(venue: Any, change: dict[str, str], code: str) -> None:
    broker = broker_of(venue, "spot", credentials={**venue.credentials, **change})
    with pytest.raises(BrokerRejected) as caught:
        broker.balances()
    assert caught.value.code == code


def test_more_than_the_funds(venue: Any, order: Order) -> None:
    with pytest.raises(BrokerRejected) as caught:
        broker_of(venue, "spot").place(order(quantity=Decimal(500)), now=clock.now())
    assert caught.value.code == Rejection.INSUFFICIENT_FUNDS
    assert venue.ledger.orders == []
