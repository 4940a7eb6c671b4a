"""One instance serves several threads: what one asks never mixes with what another is told."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from accounts.brokers.base import OrderReport, OrderRequest, ReportStatus
from accounts.brokers.by_ccxt import broker_class
from tests.fakes.binance import Venue
from tradeops.core import clock
from tradeops.core.money import OrderType, Side

from .conftest import client_id

Order = Callable[..., OrderRequest]
COUNT = 40


def test_orders_placed_side_by_side_are_each_their_own(venue: Venue, order: Order) -> None:
    broker = broker_class("binance")(venue.access())

    def place(number: int) -> OrderReport:
        symbol = "BTC/USDT" if number % 2 else "ETH/USDT"
        price = Decimal(40000 + number) if number % 2 else Decimal(2000 + number)
        request = order(
            number=number, symbol=symbol, type=OrderType.LIMIT, side=Side.BUY, price=price, quantity=Decimal("0.01")
        )
        broker.place(request, now=clock.now())
        found = broker.fetch(request.client_order_id, symbol=symbol, now=clock.now())
        assert found is not None
        return found

    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(place, range(COUNT)))
    assert [report.client_order_id for report in reports] == [client_id(number) for number in range(COUNT)]
    assert {report.status for report in reports} == {ReportStatus.OPEN}
    at_venue = {one.client_id: (one.symbol, one.price) for one in venue.orders()}
    assert len(venue.orders()) == COUNT
    for number in range(COUNT):
        symbol, price = ("BTCUSDT", 40000 + number) if number % 2 else ("ETHUSDT", 2000 + number)
        assert at_venue[client_id(number)] == (symbol, price)
    assert venue.count("GET", "/api/v3/exchangeInfo") == 1
    assert venue.refused == []
