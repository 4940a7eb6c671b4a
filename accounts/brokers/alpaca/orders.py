"""From an OrderRequest to Alpaca's JSON, and from its orders and activities to our reports; no network.

"Orders at Alpaca": fractions of a share are for market day orders here; every other kind is of whole shares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_UP, Decimal
from typing import Any

from accounts.brokers.base import (
    AttachedExit,
    BrokerRejected,
    Cause,
    FillReport,
    Instrument,
    OrderReport,
    OrderRequest,
    Rejection,
    ReportStatus,
)
from tradeops.core import money
from tradeops.core.money import OrderType, Side

CENT, SMALL_TICK = Decimal("0.01"), Decimal("0.0001")
_STATUS = {
    "partially_filled": ReportStatus.PARTIALLY_FILLED,
    "filled": ReportStatus.FILLED,
    "canceled": ReportStatus.CANCELED,
    "replaced": ReportStatus.CANCELED,
    "expired": ReportStatus.EXPIRED,
    "rejected": ReportStatus.REJECTED,
}  # everything else is still alive: new, accepted, held, pending_…, done_for_day …
_FINAL = frozenset({ReportStatus.FILLED, ReportStatus.CANCELED, ReportStatus.EXPIRED, ReportStatus.REJECTED})


def payload(request: OrderRequest, instrument: Instrument) -> dict[str, Any]:
    """`POST /v2/orders`. Raises BrokerRejected(`below_minimum`, `unsupported`)."""
    found: dict[str, Any] = {
        "symbol": instrument.venue_symbol,
        "side": str(request.side),
        "type": str(request.type),
        "time_in_force": "day" if request.type is OrderType.MARKET else str(request.time_in_force),
        "client_order_id": request.client_order_id,
    }
    if request.quote_amount is not None:
        found["notional"] = _text(money.floor_to(request.quote_amount, CENT))
    else:
        found["qty"] = _text(_shares(request, instrument))
    if request.type in (OrderType.LIMIT, OrderType.STOP_LIMIT) and request.price is not None:
        found["limit_price"] = _price(request.price, request.side)
    if request.type in (OrderType.STOP, OrderType.STOP_LIMIT) and request.stop_price is not None:
        found["stop_price"] = _price(request.stop_price, Side.BUY)
    if request.type is OrderType.TRAILING_STOP and request.trailing is not None:
        found["trail_percent"] = _text(request.trailing * 100)
    if request.attached:
        found.update(_attached(request.attached, request.side))
    return found


def _shares(request: OrderRequest, instrument: Instrument) -> Decimal:
    whole = request.type is not OrderType.MARKET or bool(request.attached)
    shares = money.floor_to(request.quantity, Decimal(1) if whole else instrument.lot)
    if shares <= 0:
        kind = "a whole share, which this kind of order needs" if whole else "the smallest part of a share"
        raise BrokerRejected(
            f"{money.plain(request.quantity)} is below {kind}", code=Rejection.BELOW_MINIMUM
        )  # fmt: skip
    return shares


def _attached(exits: tuple[AttachedExit, ...], side: Side) -> dict[str, Any]:
    """`bracket` with both, `oto` with one; the target is a limit order at its trigger."""
    kinds = [attached.kind for attached in exits]
    if any(kind not in (Cause.STOP_LOSS, Cause.TAKE_PROFIT) for kind in kinds) or len(set(kinds)) != len(kinds):
        raise _unsupported("Alpaca takes one stop loss and one take profit with an entry, no more")
    if any(attached.share != 1 for attached in exits):
        raise _unsupported("Alpaca takes exits of the whole position with an entry, not of shares of it")
    found: dict[str, Any] = {"order_class": "bracket" if len(exits) == 2 else "oto"}
    for attached in exits:
        if attached.kind is Cause.TAKE_PROFIT:
            found["take_profit"] = {"limit_price": _price(attached.limit or attached.trigger, side.opposite)}
        else:
            found["stop_loss"] = {"stop_price": _price(attached.trigger, Side.BUY)}
            if attached.limit is not None:
                found["stop_loss"]["limit_price"] = _price(attached.limit, side.opposite)
    return found


def _price(price: Decimal, side: Side) -> str:
    """Cents, below a dollar hundredths of a cent; a buyer's down, a seller's up: never worse than asked."""
    tick = CENT if price >= 1 else SMALL_TICK
    if side is Side.BUY:
        return _text(money.floor_to(price, tick))
    return _text((price / tick).to_integral_value(rounding=ROUND_UP) * tick)


def moment(text: str) -> datetime:
    """Alpaca's times have up to nine digits of a second."""
    head, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{head}.{(fraction or '0')[:6].ljust(6, '0')}").replace(tzinfo=UTC)


def is_final(order: Mapping[str, Any]) -> bool:
    return _STATUS.get(str(order["status"])) in _FINAL


def fill(activity: Mapping[str, Any]) -> FillReport:
    """One of `GET /v2/account/activities/FILL`. Fees of the authorities are booked per day, not per trade."""
    return FillReport(
        trade_id=str(activity["id"]),
        quantity=Decimal(str(activity["qty"])),
        price=Decimal(str(activity["price"])),
        fee=Decimal(0),
        fee_currency="USD",
        at=moment(activity["transaction_time"]),
    )


def report(order: Mapping[str, Any], activities: Iterable[Mapping[str, Any]], *, raw: str = "") -> OrderReport:
    """`activities` are all fills of this order; until they add up to what was filled, the order is not finished."""
    fills = tuple({item["id"]: fill(item) for item in activities}.values())
    booked = sum((item.quantity for item in fills), Decimal(0))
    filled = Decimal(str(order.get("filled_qty") or 0))
    status = _STATUS.get(str(order["status"]), ReportStatus.OPEN)
    if status not in _FINAL or booked < filled:
        status = ReportStatus.PARTIALLY_FILLED if booked > 0 else ReportStatus.OPEN
    average = order.get("filled_avg_price")
    return OrderReport(
        client_order_id=str(order["client_order_id"]),
        venue_order_id=str(order["id"]),
        status=status,
        fills=fills,
        filled=filled,
        average_price=None if average is None else Decimal(str(average)),
        symbol=str(order["symbol"]),
        side=Side(order["side"]),
        quantity=None if order.get("qty") is None else Decimal(str(order["qty"])),
        raw=raw,
    )


def _text(value: Decimal) -> str:
    return money.plain(value) or "0"


def _unsupported(text: str) -> BrokerRejected:
    return BrokerRejected(text, code=Rejection.UNSUPPORTED)
