"""Another implementation, asked for the same orders: ccxt's `create_order_request`, offline, on the same instruments.

Where the two differ it is named here, with OKX's documentation as the judge.
"""

from __future__ import annotations

import json
import urllib.request
from decimal import Decimal
from typing import Any

import pytest

from accounts.brokers.base import AttachedExit, Cause, TimeInForce
from accounts.brokers.okx import orders
from accounts.brokers.okx.orders import Setup
from tests.fakes.venue import running_venue
from tradeops.core.money import OrderType, Side

from .support import FUTURE, SPOT, SWAP, broker, request

D = Decimal
LIMIT, STOP, STOP_LIMIT, TRAILING = OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP
STOP_LOSS = AttachedExit(kind=Cause.STOP_LOSS, trigger=D(49000))
TAKE_PROFIT = AttachedExit(kind=Cause.TAKE_PROFIT, trigger=D(52000))

# Ours by name; ccxt makes its own, and puts the broker's tag on.
IDS = {"clOrdId", "algoClOrdId", "attachAlgoClOrdId", "tag"}
# «The default is last»: said by us, left out by ccxt.
DEFAULTS = {"triggerPxType"}

# (our request, hedge, ccxt's type, side, amount, price, params)
CASES = {
    "spot market buy": ({}, False, "market", "buy", "0.01", None, {}),
    "spot market sell": ({"side": Side.SELL}, False, "market", "sell", "0.01", None, {}),
    "spot market buy for money": (
        {"quote_amount": D(500)}, False, "market", "buy", "0.01", None, {"tgtCcy": "quote_ccy", "cost": "500"}
    ),
    "spot limit": ({"type": LIMIT, "price": D(49000)}, False, "limit", "buy", "0.01", "49000", {}),
    "spot post-only": (
        {"type": LIMIT, "price": D(49000), "post_only": True}, False, "limit", "buy", "0.01", "49000",
        {"postOnly": True},
    ),
    "spot ioc": (
        {"type": LIMIT, "price": D(49000), "time_in_force": TimeInForce.IOC}, False, "limit", "buy", "0.01", "49000",
        {"timeInForce": "IOC"},
    ),
    "spot fok": (
        {"type": LIMIT, "price": D(49000), "time_in_force": TimeInForce.FOK}, False, "limit", "buy", "0.01", "49000",
        {"timeInForce": "FOK"},
    ),
    "spot stop loss": (
        {"side": Side.SELL, "type": STOP, "stop_price": D(49000)}, False, "market", "sell", "0.01", None,
        {"stopLossPrice": "49000"},
    ),
    "spot stop buy": (
        {"type": STOP, "stop_price": D(51000)}, False, "market", "buy", "0.01", None, {"stopLossPrice": "51000"}
    ),
    "swap market": ({"symbol": SWAP}, False, "market", "buy", "1", None, {}),
    "swap isolated": (
        {"symbol": SWAP, "margin_mode": "isolated"}, False, "market", "buy", "1", None, {"marginMode": "isolated"}
    ),
    "swap close": (
        {"symbol": SWAP, "side": Side.SELL, "closes": True}, False, "market", "sell", "1", None, {"reduceOnly": True}
    ),
    "swap stop loss": (
        {"symbol": SWAP, "side": Side.SELL, "closes": True, "type": STOP, "stop_price": D(49000)}, False, "market",
        "sell", "1", None, {"reduceOnly": True, "stopLossPrice": "49000"},
    ),
    "swap stop-limit loss": (
        {"symbol": SWAP, "side": Side.SELL, "closes": True, "type": STOP_LIMIT, "stop_price": D(49000),
         "price": D(48900)}, False, "limit", "sell", "1", "48900", {"reduceOnly": True, "stopLossPrice": "49000"},
    ),
    "swap stop entry": (
        {"symbol": SWAP, "type": STOP, "stop_price": D(51000)}, False, "market", "buy", "1", None,
        {"triggerPrice": "51000"},
    ),
    "swap stop-limit entry": (
        {"symbol": SWAP, "type": STOP_LIMIT, "stop_price": D(51000), "price": D(51010)}, False, "limit", "buy", "1",
        "51010", {"triggerPrice": "51000"},
    ),
    "swap trailing": (
        {"symbol": SWAP, "side": Side.SELL, "closes": True, "type": TRAILING, "trailing": D("0.015")}, False,
        "market", "sell", "1", None, {"reduceOnly": True, "trailingPercent": "1.5"},
    ),
    "swap with stop loss and take profit": (
        {"symbol": SWAP, "attached": (STOP_LOSS, TAKE_PROFIT)}, False, "market", "buy", "1", None,
        {"stopLoss": {"triggerPrice": "49000"}, "takeProfit": {"triggerPrice": "52000"}},
    ),
    "swap stop entry with a stop loss": (
        {"symbol": SWAP, "type": STOP, "stop_price": D(51000), "attached": (STOP_LOSS,)}, False, "market", "buy", "1",
        None, {"triggerPrice": "51000", "stopLoss": {"triggerPrice": "49000"}},
    ),
    "hedge long": ({"symbol": SWAP}, True, "market", "buy", "1", None, {"hedged": True}),
    "hedge short": (
        {"symbol": SWAP, "side": Side.SELL, "position_side": "short"}, True, "market", "sell", "1", None,
        {"hedged": True},
    ),
    "hedge close long": (
        {"symbol": SWAP, "side": Side.SELL, "closes": True}, True, "market", "sell", "1", None,
        {"hedged": True, "reduceOnly": True},
    ),
    "hedge close short": (
        {"symbol": SWAP, "closes": True, "position_side": "short"}, True, "market", "buy", "1", None,
        {"hedged": True, "reduceOnly": True},
    ),
    "hedge stop loss of a short": (
        {"symbol": SWAP, "closes": True, "position_side": "short", "type": STOP, "stop_price": D(51000)}, True,
        "market", "buy", "1", None, {"hedged": True, "reduceOnly": True, "stopLossPrice": "51000"},
    ),
    "futures": ({"symbol": FUTURE}, False, "market", "buy", "1", None, {}),
}  # fmt: skip

# ccxt found that «cash» was refused for algo orders on spot and sends «cross», which borrows; it is documented as
# «Non-Margin mode cash» for them too.
CASH = {"spot stop loss", "spot stop buy"}
# «Only applicable to SPOT Market Orders»: ccxt sends tgtCcy with limits too.
NO_TARGET = {"spot limit", "spot post-only", "spot ioc", "spot fok"}


@pytest.fixture(scope="module")
def venue():
    with running_venue() as running:
        yield running


@pytest.fixture(scope="module")
def other(venue):
    ccxt = pytest.importorskip("ccxt")
    exchange = ccxt.okx()
    rows = []
    for kind in ("SPOT", "SWAP", "FUTURES"):
        with urllib.request.urlopen(f"{venue.url}/api/v5/public/instruments?instType={kind}", timeout=5) as answer:
            rows += json.load(answer)["data"]
    exchange.set_markets([exchange.parse_market(row) for row in rows])
    return exchange


def plain(body: Any) -> Any:
    """Without what each names for itself."""
    if isinstance(body, list):
        return [plain(item) for item in body]
    if isinstance(body, dict):
        return {name: plain(value) for name, value in body.items() if name not in IDS | DEFAULTS}
    return body


@pytest.mark.parametrize("name", CASES)
def test_both_say_the_same(venue, other, name):
    given, hedge, kind, side, amount, price, params = CASES[name]
    order = request(**given)
    traded = broker(venue, order.market)._instruments.get(order.symbol)
    ours = orders.wire(order, traded, Setup(hedge=hedge, level="2"), margin_mode="cross", quantity=order.quantity)
    theirs = other.create_order_request(order.symbol, kind, side, float(amount), price and float(price), dict(params))
    expected = plain(theirs)
    if name in NO_TARGET:
        assert expected.pop("tgtCcy") == "base_ccy"
    if name in CASH:
        assert expected["tdMode"] == "cross"
        expected["tdMode"] = "cash"
    assert plain(ours.body) == expected


def test_a_spot_order_of_a_multi_currency_account_is_cross(venue):
    """«cash» is for spot and futures mode; multi-currency and portfolio accounts refuse it (51000 tdMode)."""
    traded = broker(venue)._instruments.get(SPOT)
    for level, expected in (("1", "cash"), ("2", "cash"), ("3", "cross"), ("4", "cross")):
        wire = orders.wire(
            request(), traded, Setup(hedge=False, level=level), margin_mode="isolated", quantity=D("0.01")
        )
        assert wire.body["tdMode"] == expected
