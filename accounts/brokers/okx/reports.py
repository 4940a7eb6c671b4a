"""OKX's orders, algo orders and fills as the portal's reports. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from accounts.brokers.base import FillReport, OrderReport, Rejection, ReportStatus
from tradeops.core.money import EXACT, Side

from . import errors
from .client import Item
from .instruments import Traded, amount, optional

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FINISHED = frozenset({"filled", "canceled", "mmp_canceled"})
RESTING_ALGO = frozenset({"live", "pause", "partially_effective"})

_STATES = {
    "live": ReportStatus.OPEN,
    "partially_filled": ReportStatus.PARTIALLY_FILLED,
    "filled": ReportStatus.FILLED,
    "canceled": ReportStatus.CANCELED,
    "mmp_canceled": ReportStatus.CANCELED,
}

# Why an order ended by itself (documentation, `cancelSource`): our code and what it means.
_CANCELED = {
    "0": ("", "the venue cancelled it"),
    "1": ("", "cancelled at the user's request"),
    "2": (Rejection.INSUFFICIENT_FUNDS, "the venue cancelled it: the margin had become too small"),
    "3": (Rejection.INSUFFICIENT_FUNDS, "the venue cancelled it: the account was near liquidation"),
    "6": ("", "the venue cancelled it before auto-deleveraging"),
    "7": (Rejection.UNKNOWN_INSTRUMENT, "the contract expired"),
    "9": (Rejection.INSUFFICIENT_FUNDS, "the venue cancelled it: funding fees took the free balance"),
    "13": ("", "fill-or-kill: it could not be filled whole"),
    "14": ("", "immediate-or-cancel: the rest could not be filled"),
    "15": (Rejection.BAD_PRICE, "its price was outside the venue's band"),
    "17": (Rejection.NOTHING_TO_REDUCE, "the position was closed meanwhile"),
    "21": (Rejection.NOTHING_TO_REDUCE, "the position was closed meanwhile"),
    "22": (Rejection.NOTHING_TO_REDUCE, "other orders at better prices already reduce the position"),
    "23": (Rejection.NOTHING_TO_REDUCE, "other orders at better prices already reduce the position"),
    "27": (Rejection.BAD_PRICE, "the venue stopped it: the price would have slipped by more than 5 %"),
    "31": (Rejection.WOULD_TAKE, "post-only, and it would have traded at once"),
    "32": ("", "it would have traded with an order of the same account"),
}


def moment(ms: object) -> datetime:
    """OKX's milliseconds, exactly."""
    return EPOCH + timedelta(milliseconds=int(str(ms)))


def acknowledged(item: Item, *, client_order_id: str, symbol: str, side: Side, algo: bool, raw: str) -> OrderReport:
    return OrderReport(
        client_order_id=client_order_id,
        venue_order_id=str(item.get("algoId" if algo else "ordId") or ""),
        status=ReportStatus.OPEN,
        symbol=symbol,
        side=side,
        raw=raw,
    )


def fill(row: Item, traded: Traded) -> FillReport:
    """A row of «Get transaction details». OKX's `fee` is negative where it was paid."""
    return FillReport(
        trade_id=_trade_id(row),
        quantity=traded.base(row["fillSz"]),
        price=amount(row["fillPx"]),
        fee=-amount(row.get("fee")),
        fee_currency=str(row.get("feeCcy") or ""),
        at=moment(row.get("fillTime") or row["ts"]),
    )


def _trade_id(row: Item) -> str:
    """`tradeId` counts up for each instrument; what the venue books without a counterpart (delivery …) has none."""
    found = str(row.get("tradeId") or "")
    return found if found not in ("", "0") else f"bill-{row['billId']}"


def only_fill(order: Item, traded: Traded) -> FillReport | None:
    """An order with a single fill tells all of it; None if there were several, none, or a rebate of its own."""
    if not order.get("tradeId") or amount(order.get("rebate")) != 0:
        return None
    if amount(order.get("fillSz")) != amount(order.get("accFillSz")) or not order.get("fillTime"):
        return None
    return fill(order, traded)


def order(row: Item, traded: Traded, *, fills: Sequence[FillReport] | None, raw: str) -> OrderReport:
    """A row of «Get order details». It is finished only when its fills are all there: they may be shown later.

    `fills` None: they were not asked for, and the row's own word counts.
    """
    filled = traded.base(row.get("accFillSz"))
    shown = filled if fills is None else sum((one.quantity for one in fills), Decimal(0))
    status = _STATES.get(str(row.get("state")), ReportStatus.OPEN)
    code, message = "", ""
    if shown < filled:
        status = ReportStatus.PARTIALLY_FILLED if shown else ReportStatus.OPEN
        message = "the venue does not show all fills yet"
    elif status is ReportStatus.CANCELED:
        code, message = _canceled(row)
    return OrderReport(
        client_order_id=str(row.get("algoClOrdId") or row.get("clOrdId") or ""),  # one that was triggered has its own
        venue_order_id=str(row["ordId"]),
        status=status,
        fills=tuple(fills or ()),
        filled=filled,
        average_price=optional(row.get("avgPx")) if filled else None,
        symbol=traded.instrument.symbol,
        side=Side(str(row["side"])),
        quantity=_quantity(row, traded),
        code=code,
        venue_code=str(row.get("cancelSource") or "") if code else "",
        message=message,
        raw=raw,
    )


def _quantity(row: Item, traded: Traded) -> Decimal | None:
    """`sz` of a market buy by quote amount is no quantity."""
    if row.get("tgtCcy") == "quote_ccy" or not row.get("sz"):
        return None
    return traded.base(row["sz"])


def _canceled(row: Item) -> tuple[str, str]:
    source = str(row.get("cancelSource") or "")
    code, message = _CANCELED.get(source, ("", str(row.get("cancelSourceReason") or "")[:200]))
    return str(code), message


def algo(row: Item, traded: Traded, *, children: Iterable[OrderReport], raw: str) -> OrderReport:
    """A row of «Get algo order details» with the orders that it has triggered so far."""
    made = tuple(children)
    fills = tuple(fill for child in made for fill in child.fills)
    filled = sum((child.filled or Decimal(0) for child in made), Decimal(0))
    value = sum(((child.average_price or Decimal(0)) * (child.filled or Decimal(0)) for child in made), Decimal(0))
    status, code, message = _algo_state(row, made)
    return OrderReport(
        client_order_id=str(row.get("algoClOrdId") or ""),
        venue_order_id=str(row["algoId"]),
        status=status,
        fills=fills,
        filled=filled,
        average_price=EXACT.divide(value, filled) if filled else None,
        symbol=traded.instrument.symbol,
        side=Side(str(row["side"])),
        quantity=_quantity(row, traded),
        code=code,
        venue_code=str(row.get("failCode") or "") if code else "",
        message=message,
        raw=raw,
    )


def _algo_state(row: Item, made: Sequence[OrderReport]) -> tuple[ReportStatus, str, str]:
    state = str(row.get("state"))
    if state in ("order_failed", "partially_failed") and not made:
        failed = errors.problem(
            str(row.get("failCode") or ""), "the triggered order was refused", raw="", changes=False
        )
        return ReportStatus.REJECTED, failed.code, str(failed)
    if state == "canceled" and not made:
        return ReportStatus.CANCELED, "", "cancelled before it was triggered"
    if not made or state in RESTING_ALGO:
        partly = any(child.fills for child in made)
        return (ReportStatus.PARTIALLY_FILLED if partly else ReportStatus.OPEN), "", ""
    return _together(made)


def _together(made: Sequence[OrderReport]) -> tuple[ReportStatus, str, str]:
    """Several orders of one algo order as one: open while any is, filled when all are."""
    if any(child.status in (ReportStatus.OPEN, ReportStatus.PARTIALLY_FILLED) for child in made):
        partly = any(child.fills for child in made)
        return (ReportStatus.PARTIALLY_FILLED if partly else ReportStatus.OPEN), "", ""
    ended = next((child for child in made if child.status is not ReportStatus.FILLED), None)
    if ended is None:
        return ReportStatus.FILLED, "", ""
    return ended.status, ended.code, ended.message
