"""Rows of the paper venue's books as the seam wants them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from accounts.brokers.base import Cause, FillReport, OrderReport, ReportStatus, TradeReport, VenuePosition
from signals.models import PaperMove, PaperOrder, PaperPosition, PaperTrade
from tradeops.core.money import ZERO, Side

from .book import unrealised


def order(row: PaperOrder, trades: Iterable[PaperTrade]) -> OrderReport:
    return OrderReport(
        client_order_id=row.client_order_id,
        venue_order_id=_number(row.pk),
        status=ReportStatus(row.status),
        fills=tuple(fill(row.pk, trade) for trade in trades),
        filled=row.filled if row.filled or row.status == ReportStatus.OPEN else None,
        average_price=row.price,
        symbol=row.symbol,
        side=Side(row.side),
        quantity=row.quantity,
        code=row.code,
        message=row.message,
    )


def trade(row: PaperTrade) -> TradeReport:
    """`row.order` must be there. What the venue did by itself bears no client order id."""
    asked = row.order
    return TradeReport(
        fill=fill(asked.pk, row),
        symbol=asked.symbol,
        side=Side(asked.side),
        venue_order_id=_number(asked.pk),
        client_order_id="" if asked.cause else asked.client_order_id,
        cause=Cause(asked.cause) if asked.cause else Cause.HAND,
    )


def funding(row: PaperMove) -> TradeReport:
    """A payment: nothing is traded, the fee is what was paid (negative = received)."""
    paid = FillReport(
        trade_id=f"paper-funding-{row.pk}",
        quantity=ZERO,
        price=ZERO,
        fee=-row.amount,
        fee_currency=row.currency,
        at=row.at,
    )
    return TradeReport(fill=paid, symbol=row.symbol, side=Side.BUY, venue_order_id="", cause=Cause.FUNDING)


def fill(order: int, row: PaperTrade) -> FillReport:
    return FillReport(
        trade_id=_number(order) if row.number == 1 else f"{_number(order)}-{row.number}",
        quantity=row.quantity,
        price=row.price,
        fee=row.fee,
        fee_currency=row.fee_currency,
        at=row.at,
    )


def position(row: PaperPosition, *, liquidation: Decimal | None) -> VenuePosition:
    return VenuePosition(
        symbol=row.symbol,
        side="long" if row.quantity > 0 else "short",
        quantity=abs(row.quantity),
        average_price=row.average_price,
        mark_price=row.mark_price,
        unrealised_pnl=unrealised(row),
        liquidation_price=liquidation,
        leverage=row.leverage,
        margin_mode=row.margin_mode,
    )


def _number(pk: int) -> str:
    return f"paper-{pk}"
