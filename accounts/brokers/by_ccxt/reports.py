"""From ccxt's order, trade and position structures to our reports: base units, exact, our ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from accounts.brokers.base import (
    Cause,
    FillReport,
    OrderReport,
    ReportStatus,
    TradeReport,
    VenuePosition,
)
from tradeops.core.money import Side

from . import ids
from .markets import amount

_STATUS = {
    "open": ReportStatus.OPEN,
    "canceling": ReportStatus.OPEN,
    "closed": ReportStatus.FILLED,
    "canceled": ReportStatus.CANCELED,
    "cancelled": ReportStatus.CANCELED,
    "expired": ReportStatus.EXPIRED,
    "rejected": ReportStatus.REJECTED,
}
_FINAL = frozenset({ReportStatus.FILLED, ReportStatus.CANCELED, ReportStatus.EXPIRED, ReportStatus.REJECTED})
# What the venues call a trade that nobody asked for: Bybit's execType and stopOrderType, OKX's categories.
_CAUSES = {
    "AdlTrade": Cause.VENUE,
    "BustTrade": Cause.LIQUIDATION,
    "Funding": Cause.FUNDING,
    "Settle": Cause.VENUE,
    "Delivery": Cause.VENUE,
    "StopLoss": Cause.STOP_LOSS,
    "PartialStopLoss": Cause.STOP_LOSS,
    "TakeProfit": Cause.TAKE_PROFIT,
    "PartialTakeProfit": Cause.TAKE_PROFIT,
    "TrailingStop": Cause.TRAILING,
    "full_liquidation": Cause.LIQUIDATION,
    "partial_liquidation": Cause.LIQUIDATION,
    "adl": Cause.VENUE,
    "delivery": Cause.VENUE,
}


@dataclass(frozen=True)
class Units:
    """`contract` is one contract in base units (1 on spot); `id_form` how the venue holds our ids."""

    contract: Decimal
    id_form: str


def moment(milliseconds: object, default: datetime) -> datetime:
    if milliseconds is None:
        return default
    return datetime.fromtimestamp(int(str(milliseconds)) / 1000, UTC)


def trade_id(trade: Mapping[str, Any]) -> str:
    """The venue's; without one, what cannot change of the trade."""
    found = trade.get("id")
    if found:
        return str(found)
    return "/".join(str(trade.get(name)) for name in ("order", "timestamp", "price", "amount"))[:80]


def fill(trade: Mapping[str, Any], units: Units, *, at: datetime) -> FillReport:
    """`at` stands in where the venue gives a trade no time of its own."""
    fee = trade.get("fee") or next(iter(trade.get("fees") or ()), None) or {}
    return FillReport(
        trade_id=trade_id(trade),
        quantity=amount(trade.get("amount")) * units.contract,
        price=amount(trade.get("price")),
        fee=amount(fee.get("cost")),
        fee_currency=fee.get("currency") or "",
        at=moment(trade.get("timestamp"), at),
    )


def filled(order: Mapping[str, Any], units: Units) -> Decimal | None:
    value = order.get("filled")
    return None if value is None else amount(value) * units.contract


def order(
    found: Mapping[str, Any], trades: Iterable[Mapping[str, Any]], units: Units, *, now: datetime, raw: str = ""
) -> OrderReport:
    """`trades` are all that is known of its trades.

    An order is reported as finished only with all of its trades: they book the position. Until they are listed it is
    OPEN or PARTIALLY_FILLED, and is asked after again.
    """
    at = moment(found.get("lastTradeTimestamp") or found.get("timestamp"), now)
    fills = _unique(fill(trade, units, at=at) for trade in trades)
    booked = sum((item.quantity for item in fills), Decimal(0))
    total = filled(found, units)
    status = _STATUS.get(str(found.get("status")), ReportStatus.OPEN)
    complete = booked >= total if total is not None else (booked > 0 or status is not ReportStatus.FILLED)
    if status is ReportStatus.FILLED and booked <= 0:
        complete = False
    if (not complete and status in _FINAL) or status is ReportStatus.OPEN:
        status = ReportStatus.PARTIALLY_FILLED if booked > 0 else ReportStatus.OPEN
    side = found.get("side")
    average = amount(found.get("average"))
    return OrderReport(
        client_order_id=ids.from_venue(found.get("clientOrderId"), units.id_form),
        venue_order_id=str(found.get("id") or ""),
        status=status,
        fills=fills,
        filled=total,
        average_price=average if average > 0 else None,
        symbol=found.get("symbol") or "",
        side=Side(side) if side in ("buy", "sell") else None,
        quantity=None if found.get("amount") is None else amount(found["amount"]) * units.contract,
        raw=raw,
    )


def _unique(fills: Iterable[FillReport]) -> tuple[FillReport, ...]:
    return tuple({item.trade_id: item for item in fills if item.quantity > 0}.values())


def whole(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The one trade that a finished order amounts to, where the venue lists no trades at all."""
    if str(found.get("status")) not in ("closed", "canceled", "expired") or amount(found.get("filled")) <= 0:
        return []
    price = found.get("average") or found.get("price")
    return [{**found, "id": f"order-{found['id']}", "amount": found["filled"], "price": price}]


def cause(found: Mapping[str, Any]) -> Cause:
    """Why there was a trade, as far as the venue says it."""
    info = found.get("info") or {}
    said = [str(info.get(name)) for name in ("stopOrderType", "execType", "category") if info.get(name)]
    return next((_CAUSES[word] for word in said if word in _CAUSES), Cause.HAND)


def trade(found: Mapping[str, Any], units: Units, *, client_order_id: str, now: datetime) -> TradeReport:
    info = found.get("info") or {}
    side = str(info.get("positionSide") or info.get("posSide") or "").lower()
    return TradeReport(
        fill=fill(found, units, at=now),
        symbol=found["symbol"],
        side=Side(found["side"]),
        venue_order_id=str(found.get("order") or ""),
        client_order_id=client_order_id,
        position_side=side if side in ("long", "short") else "",
        cause=cause(found),
    )


def funding(found: Mapping[str, Any], *, paid: bool) -> TradeReport:
    """`paid`: its amount is what was paid, not received."""
    received = amount(found.get("amount")) * (-1 if paid else 1)
    number = found.get("id") or f"{found.get('symbol')}-{found['timestamp']}"
    fee = FillReport(
        trade_id=f"funding-{number}"[:80],
        quantity=Decimal(0),
        price=Decimal(0),
        fee=-received,
        fee_currency=found.get("code") or "",
        at=datetime.fromtimestamp(int(found["timestamp"]) / 1000, UTC),
    )
    side = Side.SELL if received > 0 else Side.BUY
    return TradeReport(fill=fee, symbol=found.get("symbol") or "", side=side, venue_order_id="", cause=Cause.FUNDING)


def position(found: Mapping[str, Any]) -> VenuePosition | None:
    """None for an empty one."""
    contracts = amount(found.get("contracts"))
    size = abs(contracts) * (amount(found.get("contractSize")) or Decimal(1))
    if size == 0:
        return None
    side = found.get("side") or ("short" if contracts < 0 else "long")
    return VenuePosition(
        symbol=found["symbol"],
        side=side,
        quantity=size,
        average_price=_or_none(found.get("entryPrice")),
        mark_price=_or_none(found.get("markPrice")),
        unrealised_pnl=None if found.get("unrealizedPnl") is None else amount(found["unrealizedPnl"]),
        liquidation_price=_or_none(found.get("liquidationPrice")),
        leverage=_or_none(found.get("leverage")),
        margin_mode=found.get("marginMode") or "",
    )


def _or_none(value: object) -> Decimal | None:
    found = amount(value)
    return found if found > 0 else None
