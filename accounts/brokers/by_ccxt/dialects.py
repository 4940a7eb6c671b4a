"""What ccxt's unified interface leaves to the exchange: how ids are found again, and which quirks an order must mind.

An exchange is taken only if its orders can be told apart by an id of ours, so that a lost answer never becomes a
second order. Which of ccxt's classes send the id and give it back was found by driving each of them with its network
cut off (`tests/accounts/ccxt/test_exchanges.py` does it again for the installed version); the id's form is from the
exchanges' own documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from accounts.brokers.base import Rejection
from tradeops.core.errors import ConfigurationError

from . import codes, ids


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """`markets` none = what ccxt declares. An order is found by its id in one question if `lookup` names the parameter
    of `fetch_order`, or `search` that of the order lists; else among the symbol's open and closed orders."""

    markets: frozenset[str] | None = None
    id_form: str = ids.PLAIN
    lookup: str = ""
    search: str = ""
    history: bool = True  # `lookup` forgets old orders: the lists are asked too
    expiry: str = ""  # the order's parameter that bounds its arrival, in milliseconds from its timestamp
    stops: frozenset[str] = frozenset()  # the markets in which a triggered order can be followed to its fills
    trailing: frozenset[str] = frozenset()
    hedge: bool | None = None  # None = as ccxt declares
    attached: bool = True  # as ccxt declares; False = although it does
    most_at_market: tuple[str, ...] = ()  # in its listing, where ccxt does not say it: the most of one market order
    most_in_money: bool = False  # that is in US dollars on spot
    buys_base: bool | None = None  # market buys in base units, whatever ccxt declares
    trades_by: str = ""  # the parameter of `fetch_my_trades` that asks for those of one order
    funding_paid: bool = False  # ccxt gives funding as what was paid, elsewhere as what was received
    ledgers: Mapping[str, str] = field(default_factory=dict)  # by market, whose ledger tells transfers (`transfers`)
    wallets: Mapping[str, int] = field(default_factory=dict)  # spot: kinds of transfers to its other wallets, 1 = into
    typed_lists: bool = False  # a list without a symbol is of spot unless it is told otherwise
    whole_leverage: bool = False  # one call sets leverage and margin mode
    order_book: bool = False  # its ticker has no bid and ask
    demo: frozenset[str] = frozenset()  # markets whose sandbox is ccxt's demo trading
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # ccxt's options, by market; "" = any
    codes: Mapping[str, Rejection] = field(default_factory=dict)
    temporary: frozenset[str] = frozenset()
    limited: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()


_BOTH = frozenset({"spot", "swap", "futures"})
_SPOT = frozenset({"spot"})
_CONTRACTS = frozenset({"swap", "futures"})
_WALLETS = ("UMFUTURE", "CMFUTURE", "MARGIN", "FUNDING")
_LINEAR = {"fetchMarkets": {"types": ["linear"]}}

_BINANCE = Dialect(
    lookup="clientOrderId",
    history=False,
    # "(serverTime - timestamp) <= recvWindow", checked before the order reaches the book (REST API, Timing security).
    expiry="recvWindow",
    stops=_BOTH,
    trailing=_CONTRACTS,
    trades_by="orderId",
    ledgers=dict.fromkeys(_CONTRACTS, "binance"),
    wallets={f"MAIN_{name}": -1 for name in _WALLETS} | {f"{name}_MAIN": 1 for name in _WALLETS},
    typed_lists=True,
    order_book=True,
    demo=_CONTRACTS,
    options={
        "": {"fetchMargins": False},
        "spot": {"fetchMarkets": {"types": ["spot"]}},
        "swap": _LINEAR,
        "futures": _LINEAR,
    },
    codes=codes.BINANCE,
    temporary=codes.BINANCE_TEMPORARY,
    limited=codes.BINANCE_LIMITED,
    unknown=codes.BINANCE_UNKNOWN,
)
_OKX = Dialect(
    lookup="clientOrderId",
    # Without these it sends batches, and adds a tag of its own.
    options={"": {"createOrder": "privatePostTradeOrder", "brokerId": ""}},
    stops=frozenset(),
    most_at_market=("maxMktSz", "maxStopSz", "maxMktAmt"),
    most_in_money=True,
    hedge=True,
    ledgers=dict.fromkeys(_BOTH, "okx"),
    whole_leverage=True,
    codes=codes.OKX,
    temporary=codes.OKX_TEMPORARY,
    limited=codes.OKX_LIMITED,
    unknown=codes.OKX_UNKNOWN,
)
_BYBIT = Dialect(
    search="orderLinkId",
    stops=_BOTH,
    most_at_market=("maxMktOrderQty", "maxMarketOrderQty"),
    hedge=True,
    buys_base=True,
    funding_paid=True,
    ledgers=dict.fromkeys(_BOTH, "bybit"),
    options={"swap": _LINEAR, "futures": _LINEAR},
    codes=codes.BYBIT,
    limited=codes.BYBIT_LIMITED,
    unknown=codes.BYBIT_UNKNOWN,
)
_GATE = Dialect(id_form=ids.GATE, lookup="clientOrderId", hedge=False)

_KNOWN: dict[str, Dialect] = {
    "binance": _BINANCE,
    "binanceus": replace(_BINANCE, wallets={}),
    "binanceusdm": _BINANCE,
    "bingx": Dialect(lookup="clientOrderId", attached=False),  # its attached amounts are binary floats in ccxt
    "bitget": Dialect(lookup="clientOrderId", attached=False),
    "bitstamp": Dialect(lookup="clientOrderId", markets=_SPOT),
    "bybit": _BYBIT,
    "bybiteu": _BYBIT,
    "bybitid": _BYBIT,
    "coinbaseexchange": Dialect(lookup="clientOrderId", markets=_SPOT),
    "gate": _GATE,
    "gateeu": _GATE,
    "hashkey": Dialect(lookup="clientOrderId", markets=_SPOT),
    "kucoin": Dialect(lookup="clientOrderId", markets=_SPOT),
    "mexc": Dialect(lookup="clientOrderId", markets=_SPOT),
    "myokx": replace(_OKX, markets=_SPOT),
    "okx": _OKX,
    "okxus": _OKX,
    "phemex": Dialect(lookup="clientOrderId", markets=_CONTRACTS),
    "woo": Dialect(lookup="clientOrderId", hedge=False),
}
# They send our id and give it back in their order lists; of their contracts too little is known.
_PLAIN = frozenset(
    {
        "blockchaincom", "btcmarkets", "foxbit", "onetrading", "poloniex", "tokocrypto", "whitebit",
    }
)  # fmt: skip
_REFUSED = {
    "kraken": "its client order ids hold 18 characters, or a UUID; ours need 32",
    "krakenfutures": "its client order ids were not proved to come back",
    "htx": "its swap orders take numeric ids only, and its spot orders cannot be asked for by ours",
    "bitfinex": "its client order ids are numbers",
    "coinbase": "ccxt replaces the client order id by its own",
    "kucoinfutures": "ccxt sends its orders with a leverage of 1 whatever the position has",
    "cryptocom": "ccxt drops the client order id",
    "upbit": "an identifier can never be used again there, not even after a proven rejection",
    "binancecoinm": "its contracts are settled in the coin; quantities here are in base units",
    "alpaca": "it has an adapter of its own: broker alpaca",
}
_NONE = "ccxt does not send our order id to it, or does not give it back: a lost answer could become a second order"


def of(exchange: str) -> Dialect:
    """Raises ConfigurationError for an exchange on which orders cannot be made safe."""
    if exchange in _REFUSED:
        raise ConfigurationError(f"{exchange} cannot be traded through ccxt here: {_REFUSED[exchange]}")
    if exchange in _KNOWN:
        return _KNOWN[exchange]
    if exchange in _PLAIN:
        return Dialect(markets=_SPOT, attached=False)
    raise ConfigurationError(f"{exchange} cannot be traded through ccxt here: {_NONE}")


def accepted() -> tuple[str, ...]:
    """The exchanges that may be named as a broker."""
    return tuple(sorted((set(_KNOWN) | _PLAIN) - set(_REFUSED)))
