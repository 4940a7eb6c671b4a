from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.brokers.base import Broker, OrderRequest
from accounts.brokers.by_ccxt import broker_class, markets
from tests.fakes.binance import Venue, running_binance
from tradeops.core import clock
from tradeops.core.money import OrderType, Side

SYMBOLS = {"spot": "BTC/USDT", "swap": "BTC/USDT:USDT"}


@pytest.fixture
def venue() -> Iterator[Venue]:
    markets.forget()
    with running_binance() as running:
        yield running


@pytest.fixture
def spot(venue: Venue) -> Broker:
    return broker_class("binance")(venue.access())


@pytest.fixture
def swap(venue: Venue) -> Broker:
    return broker_class("binance")(venue.access(market="swap"))


def client_id(number: int = 0) -> str:
    """32 characters `[a-z2-7]`."""
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    return "tradeopstradeopstradeopstradeo" + letters[number // 32] + letters[number % 32]


@pytest.fixture
def order() -> Callable[..., OrderRequest]:
    def make(market: str = "spot", number: int = 0, **changes: Any) -> OrderRequest:
        facts: dict[str, Any] = {
            "client_order_id": client_id(number),
            "symbol": SYMBOLS[market],
            "market": market,
            "side": Side.BUY,
            "type": OrderType.MARKET,
            "quantity": Decimal("0.01"),
            "closes": False,
            "send_expires_at": clock.now() + timedelta(seconds=5),
        }
        return OrderRequest(**{**facts, **changes})

    return make
