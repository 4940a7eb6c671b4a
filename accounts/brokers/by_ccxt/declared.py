"""What an exchange can do, from what ccxt declares of it (`has`, `features`) and what its dialect knows better."""

from __future__ import annotations

from typing import Any

from accounts.brokers.base import Capabilities, TimeInForce
from tradeops.core.money import OrderType

from . import library
from .connect import CREDENTIALS, TYPES, hosts
from .dialects import Dialect

_MARGIN_MODES = frozenset({"cross", "isolated"})


def markets(name: str, dialect: Dialect) -> frozenset[str]:
    declared = library.described(name).has
    found = frozenset(market for market, kind in TYPES.items() if declared.get(kind))
    return found if dialect.markets is None else found & dialect.markets


def features(name: str, market: str) -> dict[str, Any]:
    """ccxt's `createOrder` features of one of our markets; empty where it declares none."""
    return calls(name, market, "createOrder")


def listing(name: str, market: str) -> dict[str, Any]:
    """ccxt's `fetchMyTrades` features."""
    return calls(name, market, "fetchMyTrades")


def calls(name: str, market: str, call: str) -> dict[str, Any]:
    """ccxt's features of one of its calls."""
    found = (library.described(name).features or {}).get(TYPES.get(market, market)) or {}
    if market != "spot":
        found = found.get("linear") or {}
    return found.get(call) or {}


def order_types(name: str, market: str, dialect: Dialect) -> frozenset[OrderType]:
    found = {OrderType.MARKET, OrderType.LIMIT}
    declared = features(name, market)
    if market in dialect.stops and (declared.get("triggerPrice") or declared.get("stopLossPrice")):
        found |= {OrderType.STOP, OrderType.STOP_LIMIT}
    if market in dialect.trailing and declared.get("trailing"):
        found.add(OrderType.TRAILING_STOP)
    return frozenset(found)


def time_in_force(name: str, market: str) -> frozenset[TimeInForce]:
    declared = features(name, market).get("timeInForce") or {}
    return frozenset({TimeInForce.GTC} | {tif for tif in TimeInForce if declared.get(tif.upper())})


def post_only(name: str, market: str) -> bool:
    return bool((features(name, market).get("timeInForce") or {}).get("PO"))


def attached(name: str, market: str, dialect: Dialect) -> bool:
    return dialect.attached and bool(features(name, market).get("attachedStopLossTakeProfit"))


def transfers(name: str, market: str, dialect: Dialect) -> bool:
    """By the exchange's ledger of the account; on spot also by deposits and withdrawals."""
    if market in dialect.ledgers:
        return True
    has = library.described(name).has
    both = has.get("fetchDeposits") is True and has.get("fetchWithdrawals") is True
    return market == "spot" and (both or has.get("fetchDepositsWithdrawals") is True)


def hedge(name: str, market: str, dialect: Dialect) -> bool:
    if market == "spot":
        return False
    return bool(features(name, market).get("hedged")) if dialect.hedge is None else dialect.hedge


def buys_by_value_only(name: str, dialect: Dialect) -> bool:
    """A spot market buy has no quantity there."""
    if dialect.buys_base:
        return False
    options = library.described(name).options
    return bool(
        features(name, "spot").get("marketBuyRequiresPrice") or options.get("createMarketBuyOrderRequiresPrice")
    )


def buys_by_quote(name: str) -> bool:
    declared = library.described(name).has
    return bool(features(name, "spot").get("marketBuyByCost") and declared.get("createMarketBuyOrderWithCost"))


def capabilities(name: str, dialect: Dialect) -> Capabilities:
    """Over all of its markets; an order is checked against its own."""
    exchange = library.described(name)
    all_markets = markets(name, dialect)
    contracts = sorted(all_markets - {"spot"})
    return Capabilities(
        markets=all_markets,
        order_types=frozenset().union(*(order_types(name, market, dialect) for market in all_markets)),
        time_in_force=frozenset().union(*(time_in_force(name, market) for market in all_markets)),
        margin_modes=_MARGIN_MODES if contracts and exchange.has.get("setMarginMode") else frozenset(),
        sandbox=bool(exchange.urls.get("test") or dialect.demo or (features(name, "spot") and _sandboxed(exchange))),
        hedge=any(hedge(name, market, dialect) for market in contracts),
        post_only=any(post_only(name, market) for market in all_markets),
        leverage=bool(contracts and exchange.has.get("setLeverage")),
        quote_amount="spot" in all_markets and buys_by_quote(name),
        attached_exits=any(attached(name, market, dialect) for market in all_markets),
        positions=bool(contracts and exchange.has.get("fetchPositions")),
        trades=bool(exchange.has.get("fetchMyTrades")),
        transfers=any(transfers(name, market, dialect) for market in all_markets),
        prices=True,
        send_expiry=bool(dialect.expiry),
        reuses_ids=True,
        credentials=tuple(ours for ours, theirs in CREDENTIALS.items() if exchange.requiredCredentials.get(theirs)),
        hosts=hosts(exchange),
    )


def _sandboxed(exchange: Any) -> bool:
    """Bitget's is a header, not an address."""
    return bool(((exchange.features or {}).get("spot") or {}).get("sandbox"))
