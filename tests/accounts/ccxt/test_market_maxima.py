"""What ccxt's exchanges take at once at the market."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.brokers.by_ccxt import dialects, markets
from tradeops.core.money import OrderType

TICK_SIZE = 4


def instrument(exchange: str, **facts: Any) -> Any:
    found = {
        "id": "BTCUSDT", "symbol": "BTC/USDT:USDT", "base": "BTC", "quote": "USDT", "settle": "USDT", "contract": True,
        "spot": False, "contractSize": "0.01", "precision": {"amount": "1", "price": "0.1"},
        "limits": {"amount": {"min": "1", "max": "9000"}}, "info": {}, **facts,
    }  # fmt: skip
    return markets.instrument(found, TICK_SIZE, dialects.of(exchange))


SPOT = {"symbol": "BTC/USDT", "settle": None, "contract": False, "spot": True, "contractSize": None}


@pytest.mark.parametrize(
    ("exchange", "facts", "most"),
    [
        ("binance", {"limits": {"amount": {"max": "9000"}, "market": {"max": "120"}}}, "1.2"),
        ("binance", {"limits": {"amount": {"max": "9000"}, "market": {"max": None}}}, "90"),
        ("binance", {}, "90"),
        ("bybit", {"info": {"lotSizeFilter": {"maxOrderQty": "9000", "maxMktOrderQty": "500"}}}, "5"),
        ("okx", {"info": {"maxMktSz": "300", "maxStopSz": "200", "maxMktAmt": ""}}, "2"),
    ],
)
def test_the_most_of_a_market_order(exchange: str, facts: dict[str, Any], most: str) -> None:
    found = instrument(exchange, **facts)
    assert found.most_at_once(OrderType.MARKET, price=Decimal(50000)) == Decimal(most)
    assert found.most_at_once(OrderType.LIMIT, price=Decimal(50000)) == Decimal(90)


def test_okx_counts_it_in_money_on_spot() -> None:
    info = {"maxMktSz": "1000000", "maxStopSz": "1000000", "maxMktAmt": "2000000"}
    found = instrument("okx", **SPOT, info=info)
    assert (found.max_market_quantity, found.max_market_worth) == (None, Decimal(950000))
    assert found.most_at_once(OrderType.MARKET, price=Decimal(50000)) == Decimal(19)
    assert found.most_at_once(OrderType.LIMIT, price=Decimal(50000)) == Decimal(9000)
