"""Every exchange that may be named: ccxt's class is driven with its network cut off, and what it would send is read.

So a new version of ccxt that drops an id, or takes a quantity for a value, fails here.
"""

import json
from decimal import Decimal
from typing import Any

import pytest

from accounts.brokers.base import OrderRequest, Quote
from accounts.brokers.by_ccxt import broker_class, declared, dialects, ids, library, markets, translate
from accounts.brokers.by_ccxt.broker import create
from accounts.brokers.by_ccxt.lookup import Lookup
from tradeops.core import clock
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import OrderType, Side

OURS = "abcdefghijklmnopqrstuvwxyz234567"
KEYS = {"apiKey": "0123456789abcdef" * 2, "secret": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "password": "p"}


class Cut(BaseException):
    """No ccxt class catches this."""


def market(kind: str) -> dict[str, Any]:
    contract = kind != "spot"
    return {
        "id": "BTCUSDT", "lowercaseId": "btcusdt", "symbol": "BTC/USDT:USDT" if contract else "BTC/USDT",
        "base": "BTC", "quote": "USDT", "settle": "USDT" if contract else None, "baseId": "BTC", "quoteId": "USDT",
        "settleId": "USDT" if contract else None, "type": kind, "spot": not contract, "margin": False,
        "swap": contract, "future": False, "option": False, "contract": contract, "linear": contract or None,
        "inverse": False if contract else None, "contractSize": "0.001" if contract else None, "active": True,
        "taker": "0.001", "maker": "0.001", "numericId": 1,
        "precision": {"amount": "1" if contract else "0.001", "price": "0.01", "cost": "0.01", "base": 8, "quote": 8},
        "limits": {"amount": {"min": "1" if contract else "0.001", "max": "1000"}, "price": {}, "cost": {},
                   "leverage": {}},
        "info": {"orderTypes": ["LIMIT", "MARKET"], "quoteIncrement": "0.01", "contractType": "PERPETUAL"},
    }  # fmt: skip


def exchange_of(name: str, kind: str) -> tuple[Any, str]:
    """ccxt's class with one market, and that market's symbol. `kind` is ccxt's word for the market."""
    dialect = dialects.of(name)
    exchange = library.exchange_class(name)({**KEYS, "enableRateLimit": False})
    exchange.number = str
    exchange.options.update({**dialect.options.get("", {}), "defaultType": kind})
    if name.startswith("bybit"):
        exchange.options.update({"enableUnifiedMargin": False, "enableUnifiedAccount": True})
    [symbol] = exchange.set_markets([market(kind)])
    return exchange, symbol


def sent(name: str, kind: str, **changes: Any) -> str:
    """The request that would leave, as one text."""
    dialect = dialects.of(name)
    exchange, symbol = exchange_of(name, kind)
    left: list[str] = []

    def fetch(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        if method == "GET":
            return {}
        left.append(f"{url} {body}")
        raise Cut

    exchange.fetch = fetch
    instrument = markets.instrument(exchange.market(symbol), exchange.precisionMode)
    facts: dict[str, Any] = {
        "client_order_id": OURS, "symbol": symbol, "market": kind, "side": Side.BUY, "type": OrderType.LIMIT,
        "price": Decimal(90), "quantity": Decimal("0.5"), "closes": False,
        "quote": Quote(symbol=symbol, bid=Decimal(99), ask=Decimal(100), last=Decimal(99), at=clock.now(), source="x"),
    }  # fmt: skip
    request = OrderRequest(**{**facts, **changes})
    translate.check(request, exchange=name, market=kind, dialect=dialect)
    placement = translate.placement(
        request,
        translate.Setting(
            exchange=name, market=kind, dialect=dialect, instrument=instrument, hedged=False, margin_mode="cross"
        ),
    )
    with pytest.raises(Cut):
        create(exchange, symbol, placement)
    return left[-1]


NAMES = dialects.accepted()
SPOT = [name for name in NAMES if "spot" in declared.markets(name, dialects.of(name))]
SWAP = [name for name in NAMES if "swap" in declared.markets(name, dialects.of(name))]


def test_they_are_those_that_the_documentation_names() -> None:
    assert NAMES == (
        "binance", "binanceus", "binanceusdm", "bingx", "bitget", "bitstamp", "blockchaincom", "btcmarkets", "bybit",
        "bybiteu", "bybitid", "coinbaseexchange", "foxbit", "gate", "gateeu", "hashkey", "kucoin", "mexc",
        "myokx", "okx", "okxus", "onetrading", "phemex", "poloniex", "tokocrypto", "whitebit", "woo",
    )  # fmt: skip


@pytest.mark.parametrize("name", SPOT)
def test_a_spot_order_leaves_with_our_id_and_the_exact_size(name: str) -> None:
    text = sent(name, "spot")
    assert ids.to_venue(OURS, dialects.of(name).id_form) in text
    assert "0.5" in text
    assert "90" in text


@pytest.mark.parametrize("name", SPOT)
def test_a_spot_market_buy_is_of_the_quantity_or_its_value(name: str) -> None:
    text = sent(name, "spot", type=OrderType.MARKET, price=None)
    by_value = declared.buys_by_value_only(name, dialects.of(name)) or name == "tokocrypto"
    assert ("50" if by_value else "0.5") in text.replace("v5", "")


@pytest.mark.parametrize("name", [name for name in SPOT if declared.buys_by_quote(name)])
def test_a_buy_by_value_sends_that_value(name: str) -> None:
    text = sent(name, "spot", type=OrderType.MARKET, price=None, quote_amount=Decimal("123.45"))
    assert "123.45" in text
    assert "0.5" not in text


@pytest.mark.parametrize("name", SWAP)
def test_a_swap_order_is_in_contracts_and_reduces_if_it_closes(name: str) -> None:
    text = sent(name, "swap", side=Side.SELL, closes=True)
    assert ids.to_venue(OURS, dialects.of(name).id_form) in text
    assert "500" in text
    assert "reduce" in text.lower()


@pytest.mark.parametrize("name", [name for name in NAMES if dialects.of(name).lookup or dialects.of(name).search])
def test_the_question_after_an_order_carries_our_id(name: str) -> None:
    dialect = dialects.of(name)
    exchange, symbol = exchange_of(name, "spot" if name in SPOT else "swap")
    asked: list[str] = []

    def fetch(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        asked.append(f"{url} {body}")
        if ids.to_venue(OURS, dialect.id_form) in asked[-1]:
            raise Cut
        return {}

    exchange.fetch = fetch
    with pytest.raises(Cut):
        Lookup(exchange, dialect, follows_stops=False).find(OURS, symbol)


@pytest.mark.parametrize("name", NAMES)
def test_an_order_can_be_found_again(name: str) -> None:
    dialect = dialects.of(name)
    has = library.described(name).has
    lists = has.get("fetchOpenOrders") and (has.get("fetchClosedOrders") or has.get("fetchOrders") or dialect.lookup)
    assert dialect.lookup or dialect.search or lists


@pytest.mark.parametrize("name", NAMES)
def test_capabilities_are_declared_without_a_call(name: str) -> None:
    found = broker_class(name).capabilities
    assert found.markets
    assert {OrderType.MARKET, OrderType.LIMIT} <= found.order_types
    assert found.credentials
    assert len(found.hosts) in (1, 2)
    assert found.reuses_ids
    assert not found.local
    assert broker_class(name).rate_limit_ms > 0


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("kraken", "18 characters"),
        ("coinbase", "replaces the client order id"),
        ("bitbank", "does not send our order id"),
    ],
)
def test_an_exchange_without_ids_is_refused_with_the_reason(name: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        broker_class(name)


def test_a_name_that_ccxt_does_not_know() -> None:
    with pytest.raises(ConfigurationError, match="no exchange 'nowhere'"):
        broker_class("nowhere")


def test_gate_swaps_are_whole_contracts() -> None:
    body = json.loads(sent("gate", "swap").partition(" ")[2])
    assert (body["size"], body["text"]) == (500, "t-" + ids.to_venue(OURS, ids.GATE))
