"""What is sent for an order, field by field as OKX documents «Place order» and «Place algo order».

| the portal says | OKX is told |
|---|---|
| spot | `tdMode` cash (cross where the account's mode knows no cash), `sz` in coins |
| spot market | `tgtCcy` always: base_ccy, or quote_ccy with `quote_amount` |
| swap, futures | `tdMode` cross or isolated, `sz` in contracts, rounded down |
| one-way account | no `posSide`; what closes has `reduceOnly` |
| hedge account | `posSide` of the position; what closes is on its opposite side |
| limit with post_only, ioc, fok | `ordType` of that name |
| stop that closes, any stop on spot | `conditional` with `slTriggerPx` (trigger orders take no `tgtCcy`, 51281) |
| stop that opens, swap and futures | `trigger` |
| trailing stop | `move_order_stop` with `callbackRatio` |
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from accounts.brokers.base import BrokerRejected, OrderRequest, Rejection, TimeInForce
from tradeops.core import money
from tradeops.core.money import OrderType, Side

from . import attached
from .client import Item
from .instruments import Traded, inst_id

ORDER = "/trade/order"
ALGO = "/trade/order-algo"
_ALGO_TYPES = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)


@dataclass(frozen=True)
class Setup:
    """How the account is set up at OKX: `hedge` is posMode long_short_mode, `level` acctLv (1 spot, 2 futures,
    3 multi-currency, 4 portfolio)."""

    hedge: bool
    level: str

    def td_mode(self, traded: Traded, margin_mode: str) -> str:
        """Multi-currency and portfolio accounts know no «cash»: their spot orders are cross."""
        if traded.spot:
            return "cross" if self.level in ("3", "4") else "cash"
        return margin_mode


@dataclass(frozen=True)
class Wire:
    """A request to send: whether it is an algo order decides address, id field and expiry."""

    path: str
    body: Item
    keys: tuple[str, ...]
    algo: bool
    expires_at: datetime | None

    @property
    def rests(self) -> bool:
        """It is not over as soon as it is there."""
        return self.algo or self.body["ordType"] in ("limit", "post_only")


def wire(request: OrderRequest, traded: Traded, setup: Setup, *, margin_mode: str, quantity: Decimal) -> Wire:
    """Pure, for a request that `check` has let pass. `quantity` is base units to send. Raises BrokerRejected for
    amounts that the instrument does not take."""
    _check_size(request, traded, quantity)
    algo = request.type in _ALGO_TYPES
    body: Item = {
        "instId": traded.inst_id,
        "tdMode": setup.td_mode(traded, request.margin_mode or margin_mode),
        "side": str(request.side),
        "sz": traded.sz(quantity),
        "algoClOrdId" if algo else "clOrdId": request.client_order_id,
    }
    body |= _direction(request, traded, setup)
    body |= _algo(request, traded) if algo else _plain(request, traded)
    exits = attached.bodies(request, traded)
    if exits:
        body["attachAlgoOrds"] = exits
    key = f"algo:{traded.inst_id}" if algo else f"order:{traded.inst_id}"
    return Wire(
        path=ALGO if algo else ORDER,
        body=body,
        keys=(key,) if algo else ("order", key),
        algo=algo,
        expires_at=request.send_expires_at,
    )


def _direction(request: OrderRequest, traded: Traded, setup: Setup) -> Item:
    if traded.spot:
        return {}
    if setup.hedge:
        return {"posSide": request.position_side}
    return {"reduceOnly": True} if request.closes else {}


def _plain(request: OrderRequest, traded: Traded) -> Item:
    if request.type is OrderType.MARKET:
        return {"ordType": "market"} | _target_currency(request, traded)
    kind = "limit"
    if request.post_only:
        kind = "post_only"
    elif request.time_in_force is not TimeInForce.GTC:
        kind = str(request.time_in_force)
    return {"ordType": kind, "px": traded.px(_given(request.price, "a limit order needs a price"))}


def _target_currency(request: OrderRequest, traded: Traded) -> Item:
    """Without it a spot market buy would be counted in the quote currency (documentation, `tgtCcy`)."""
    if not traded.spot:
        return {}
    if request.quote_amount is not None:
        return {"tgtCcy": "quote_ccy", "sz": money.plain(request.quote_amount)}
    return {"tgtCcy": "base_ccy"}


def _algo(request: OrderRequest, traded: Traded) -> Item:
    if request.type is OrderType.TRAILING_STOP:
        return _trailing(request, traded)
    trigger = traded.px(_given(request.stop_price, "a stop order needs a stop price"))
    price = attached.MARKET
    if request.type is OrderType.STOP_LIMIT:
        price = traded.px(_given(request.price, "a stop-limit order needs a price"))
    if request.closes or traded.spot:
        found = {"ordType": "conditional", "slTriggerPx": trigger, "slTriggerPxType": "last", "slOrdPx": price}
        at_market = traded.spot and price == attached.MARKET and request.side is Side.BUY
        return found | ({"tgtCcy": "base_ccy"} if at_market else {})
    return {"ordType": "trigger", "triggerPx": trigger, "triggerPxType": "last", "orderPx": price}


def _trailing(request: OrderRequest, traded: Traded) -> Item:
    ratio = _given(request.trailing, "a trailing stop needs its distance")
    found = {"ordType": "move_order_stop", "callbackRatio": money.plain(ratio)}
    if request.price is not None:
        found["activePx"] = traded.px(request.price)
    return found


def _given(value: Decimal | None, why: str) -> Decimal:
    if value is None or value <= 0:
        raise BrokerRejected(why, code=Rejection.REJECTED)
    return value


def check(request: OrderRequest) -> None:
    """What OKX has no way to say, seen from the request alone: nothing has been asked of the venue yet.

    Raises BrokerRejected: `unsupported`, or `unknown_instrument` for a symbol of no form.
    """
    _, kind = inst_id(request.symbol)
    why = _unsupported(request, spot=kind == "SPOT")
    if why:
        raise BrokerRejected(why, code=Rejection.UNSUPPORTED)
    attached.check(request, spot=kind == "SPOT")


def _check_size(request: OrderRequest, traded: Traded, quantity: Decimal) -> None:
    if request.quote_amount is not None:
        return
    smallest = traded.instrument.min_quantity
    rounded = money.floor_to(quantity, traded.instrument.lot)
    if rounded < smallest or rounded <= 0:
        text = f"{money.plain(quantity)} is {money.plain(rounded)} in whole lots"
        raise BrokerRejected(f"{text}; the venue's minimum is {money.plain(smallest)}", code=Rejection.BELOW_MINIMUM)


def _unsupported(request: OrderRequest, *, spot: bool) -> str:
    limit = request.type is OrderType.LIMIT
    if not limit and (request.post_only or request.time_in_force is not TimeInForce.GTC):
        return "OKX takes post-only, immediate-or-cancel and fill-or-kill on limit orders only"
    if request.post_only and request.time_in_force is not TimeInForce.GTC:
        return "an order cannot be post-only and immediate at once"
    if request.quote_amount is not None:
        return _unsupported_amount(request, spot=spot)
    if request.attached and request.type in _ALGO_TYPES and (spot or request.type is OrderType.TRAILING_STOP):
        return "OKX attaches no exits to this kind of order"
    if request.attached and request.type in _ALGO_TYPES and len(request.attached) > 2:
        return "OKX attaches one stop loss and one take profit to a stop order"
    if spot and request.type is OrderType.TRAILING_STOP and request.side is Side.BUY:
        return "OKX does not say how a trailing buy on spot counts its size"
    if spot and not request.closes and request.position_side == "short":
        return "a spot account cannot go short"
    return ""


def _unsupported_amount(request: OrderRequest, *, spot: bool) -> str:
    if not spot or request.type is not OrderType.MARKET or request.side is not Side.BUY:
        return "an amount of the quote currency is for market buys on spot only"
    return "" if request.quote_amount is not None and request.quote_amount > 0 else "the amount must be more than 0"
