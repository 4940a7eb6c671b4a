"""From an OrderRequest to the arguments of ccxt's `create_order`; nothing here touches the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_UP, Decimal
from typing import Any

from accounts.brokers.base import (
    AttachedExit,
    BrokerRejected,
    Cause,
    Instrument,
    OrderRequest,
    Rejection,
    TimeInForce,
)
from tradeops.core import money
from tradeops.core.money import OrderType, Side

from . import declared, ids
from .dialects import Dialect

_LIMITS = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_STOPS = (OrderType.STOP, OrderType.STOP_LIMIT)


@dataclass(frozen=True)
class Placement:
    """`amount` in the venue's units (contracts), or `cost` in quote currency for a market buy by value."""

    kind: str
    side: str
    amount: Decimal
    price: Decimal | None
    cost: Decimal | None
    venue_id: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What an order is placed into: the exchange, its rules for the symbol, and the account's set-up."""

    exchange: str
    market: str
    dialect: Dialect
    instrument: Instrument
    hedged: bool
    margin_mode: str


def check(request: OrderRequest, *, exchange: str, market: str, dialect: Dialect) -> None:
    """Raises BrokerRejected(`unsupported`) for what the exchange does not declare, before any network call."""
    if request.market != market:
        raise _unsupported(f"this account trades {market}, not {request.market}")
    if request.type not in declared.order_types(exchange, market, dialect):
        raise _unsupported(f"{request.type} orders are not possible on {exchange} {market}")
    if request.post_only and (request.type not in _LIMITS or not declared.post_only(exchange, market)):
        raise _unsupported(f"post-only is not possible for a {request.type} order on {exchange} {market}")
    if request.type in _LIMITS and request.time_in_force not in declared.time_in_force(exchange, market):
        raise _unsupported(f"{exchange} {market} has no time in force {request.time_in_force}")
    _check_amounts(request, exchange, market)
    if request.attached:
        _check_attached(request.attached, exchange, market, dialect)
    try:
        ids.to_venue(request.client_order_id, dialect.id_form)
    except ValueError as error:
        raise _unsupported(f"{exchange} cannot hold this client order id: {error}") from None


def _check_amounts(request: OrderRequest, exchange: str, market: str) -> None:
    if request.quote_amount is not None and not (
        market == "spot"
        and request.type is OrderType.MARKET
        and request.side is Side.BUY
        and declared.buys_by_quote(exchange)
    ):
        raise _unsupported(f"an order by value is possible for spot market buys only, if {exchange} has them at all")
    if request.type in _LIMITS and request.price is None:
        raise _unsupported(f"a {request.type} order needs a price")
    if request.type in _STOPS and request.stop_price is None:
        raise _unsupported(f"a {request.type} order needs the price at which it is triggered")
    if request.type is OrderType.TRAILING_STOP and not request.trailing:
        raise _unsupported("a trailing stop needs its distance")


def _check_attached(exits: tuple[AttachedExit, ...], exchange: str, market: str, dialect: Dialect) -> None:
    if not declared.attached(exchange, market, dialect):
        raise _unsupported(f"{exchange} {market} takes no exits with an entry")
    kinds = [attached.kind for attached in exits]
    if any(kind not in (Cause.STOP_LOSS, Cause.TAKE_PROFIT) for kind in kinds) or len(kinds) != len(set(kinds)):
        raise _unsupported(f"{exchange} takes one stop loss and one take profit with an entry, no more")
    if any(attached.share != 1 for attached in exits):
        raise _unsupported(f"{exchange} takes exits of the whole position with an entry, not of shares")


def placement(request: OrderRequest, setting: Setting) -> Placement:
    """`request` has passed `check`. Raises BrokerRejected(`below_minimum`) if nothing is left after rounding down."""
    instrument = setting.instrument
    quantity = money.floor_to(request.quantity, instrument.lot)
    cost = request.quote_amount if request.quote_amount is not None else _forced_cost(request, setting)
    if cost is None and (quantity <= 0 or quantity < instrument.min_quantity):
        raise BrokerRejected(
            f"{money.plain(quantity)} is below the venue's minimum of {money.plain(instrument.min_quantity)}",
            code=Rejection.BELOW_MINIMUM,
        )
    venue_id = ids.to_venue(request.client_order_id, setting.dialect.id_form)
    params: dict[str, Any] = {"clientOrderId": venue_id}
    params.update(_timing(request))
    params.update(_triggers(request, setting))
    params.update(_position(request, setting))
    params.update(_attached(request, instrument))
    return Placement(
        kind="limit" if request.type in _LIMITS else "market",
        side=str(request.side),
        amount=quantity / instrument.contract,
        price=_tick(request.price, instrument, request.side) if request.type in _LIMITS else None,
        cost=cost,
        venue_id=venue_id,
        params=params,
    )


def _forced_cost(request: OrderRequest, setting: Setting) -> Decimal | None:
    """Some exchanges take the value of a market buy and no quantity: then it is the quantity at the ask."""
    if setting.market != "spot" or request.type is not OrderType.MARKET or request.side is not Side.BUY:
        return None
    if not declared.buys_by_value_only(setting.exchange, setting.dialect):
        return None
    if request.quote is None:
        raise BrokerRejected(
            f"{setting.exchange} takes market buys by value only, and there is no price to tell it by",
            code=Rejection.UNSUPPORTED,
        )
    return request.quantity * request.quote.ask


def _timing(request: OrderRequest) -> dict[str, Any]:
    if request.type not in _LIMITS:
        return {}
    if request.post_only:
        return {"postOnly": True}
    return {} if request.time_in_force is TimeInForce.GTC else {"timeInForce": request.time_in_force.upper()}


def _triggers(request: OrderRequest, setting: Setting) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if request.type in _STOPS and request.stop_price is not None:
        found["triggerPrice"] = _text(_tick(request.stop_price, setting.instrument, Side.BUY))
        if declared.features(setting.exchange, setting.market).get("triggerDirection"):
            found["triggerDirection"] = "ascending" if request.side is Side.BUY else "descending"
    if request.type is OrderType.TRAILING_STOP and request.trailing is not None:
        found["trailingPercent"] = _text(request.trailing * 100)
        if request.price is not None:
            found["trailingTriggerPrice"] = _text(_tick(request.price, setting.instrument, Side.BUY))
    return found


def _position(request: OrderRequest, setting: Setting) -> dict[str, Any]:
    if setting.market == "spot":
        return {}
    found: dict[str, Any] = {}
    # In hedge mode ccxt takes an order that reduces by its side: selling reduces the long position.
    if setting.hedged:
        found["hedged"] = True
    if request.closes:
        found["reduceOnly"] = True
    if declared.features(setting.exchange, setting.market).get("marginMode"):
        found["marginMode"] = request.margin_mode or setting.margin_mode
    return found


def _attached(request: OrderRequest, instrument: Instrument) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for attached in request.attached:
        name = "stopLoss" if attached.kind is Cause.STOP_LOSS else "takeProfit"
        found[name] = {"triggerPrice": _text(_tick(attached.trigger, instrument, Side.BUY))}
        if attached.limit is not None:
            found[name] |= {"price": _text(_tick(attached.limit, instrument, request.side.opposite)), "type": "limit"}
        else:
            found[name] |= {"type": "market"}
    return found


def _tick(price: Decimal | None, instrument: Instrument, side: Side) -> Decimal:
    """Never worse than asked: a buyer's limit down, a seller's up."""
    assert price is not None
    floor = money.floor_to(price, instrument.tick)
    if side is Side.BUY or floor == price:
        return floor
    return (price / instrument.tick).to_integral_value(rounding=ROUND_UP) * instrument.tick


def _text(value: Decimal) -> str:
    return money.plain(value) or "0"


def _unsupported(text: str) -> BrokerRejected:
    return BrokerRejected(text, code=Rejection.UNSUPPORTED)
