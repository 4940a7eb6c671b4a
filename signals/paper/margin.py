"""What a venue does with open contracts by itself: funding, and liquidation when the margin is used up. Pure.

Funding: each eight hours from midnight UTC, position × mark × rate, paid by longs to shorts where the rate is above
zero (as perpetual swaps have it; the rate here is the usual 0.01 % at all times). Liquidation: once what backs a
position (its own margin if isolated, the whole balance if cross) is worth no more than the maintenance margin, it is
closed at the market; what that costs beyond what backs it, an insurance fund takes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from accounts.brokers.base import Cause, Instrument, Quote, ReportStatus
from signals.models import PaperMove, PaperOrder, PaperPosition
from tradeops.core import money, rows
from tradeops.core.money import EXACT, ZERO, Side

from .book import Book, unrealised
from .pieces import TICK, Piece

FUNDING_HOURS = 8
FUNDING_RATE = Decimal("0.0001")
MAINTENANCE = Decimal("0.005")  # of the position's value


def mark(book: Book, *, quote: Quote, instrument: Instrument, at: datetime) -> None:
    """A quote of a contract: funding that has come due is settled, and what is no longer backed is closed."""
    row = book.positions.get(instrument.symbol)
    if row is None or not row.quantity:
        return
    row.mark_price, row.updated_at = quote.last, at
    book.moved.add(row.symbol)
    _fund(book, row, instrument, at=at)
    for one in _not_backed(book, row, instrument):
        _liquidate(book, one, quote, instrument, at=at)


def _fund(book: Book, row: PaperPosition, instrument: Instrument, *, at: datetime) -> None:
    for moment in due(row.funded_at or at, at):
        value = EXACT.multiply(row.quantity, row.mark_price or ZERO)
        paid = money.kept(EXACT.multiply(value, FUNDING_RATE))
        row.funded_at = moment
        if paid:
            _move(book, PaperMove.Cause.FUNDING, row.symbol, instrument.settle, -paid, moment)


def due(since: datetime, until: datetime) -> Iterator[datetime]:
    """The moments of funding after `since`, up to `until`."""
    day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    moment = day
    while moment <= until:
        if moment > since:
            yield moment
        moment += timedelta(hours=FUNDING_HOURS)


def _not_backed(book: Book, row: PaperPosition, instrument: Instrument) -> list[PaperPosition]:
    """The contracts to close: this one if isolated; all that share the balance if cross. Of one symbol at a time:
    the others have prices of their own, and come when these do."""
    if row.margin_mode == "isolated":
        backing, value = row.margin + unrealised(row), _value(row)
    else:
        shared = [one for one in book.positions.values() if one.quantity and one.margin_mode == "cross"]
        isolated = sum((one.margin for one in book.positions.values() if one.margin_mode == "isolated"), ZERO)
        backing = book.amount(instrument.settle) - isolated + sum(map(unrealised, shared), ZERO)
        value = sum(map(_value, shared), ZERO)
    return [row] if backing <= value * MAINTENANCE else []


def liquidation_price(book: Book, row: PaperPosition) -> Decimal | None:
    """Where it would be closed if nothing else moved; None where it never would be."""
    currency = row.symbol.partition(":")[2]
    others = [one for one in book.positions.values() if one.quantity and one is not row]
    if row.margin_mode == "isolated":
        backing, more = row.margin, ZERO
    else:
        shared = [one for one in others if one.margin_mode == "cross"]
        isolated = sum((one.margin for one in others if one.margin_mode == "isolated"), ZERO)
        backing = book.amount(currency) - isolated + sum(map(unrealised, shared), ZERO)
        more = sum(map(_value, shared), ZERO) * MAINTENANCE
    # backing + (price - average) × quantity = more + price × |quantity| × maintenance
    slope = row.quantity - abs(row.quantity) * MAINTENANCE
    price = EXACT.divide(more - backing + row.quantity * (row.average_price or ZERO), slope)
    return price.quantize(TICK, rounding=ROUND_HALF_EVEN) if price > 0 else None


def _value(row: PaperPosition) -> Decimal:
    return EXACT.multiply(abs(row.quantity), row.mark_price or row.average_price or ZERO)


def _liquidate(book: Book, row: PaperPosition, quote: Quote, instrument: Instrument, *, at: datetime) -> None:
    isolated = row.margin if row.margin_mode == "isolated" else None
    backed = book.amount(instrument.settle)
    side = Side.SELL if row.quantity > 0 else Side.BUY
    order = rows.make(
        PaperOrder,
        account_id=book.account_id,
        client_order_id=_venue_id(row, at),
        symbol=row.symbol,
        side=side.value,
        quantity=abs(row.quantity),
        closes=True,
        position_side="long" if side is Side.SELL else "short",
        cause=Cause.LIQUIDATION,
        message="the venue closed it: its margin was used up",
        at=at,
    )
    book.trade(order, Piece(order.quantity, quote.bid if side is Side.SELL else quote.ask), instrument, at)
    order.status = ReportStatus.FILLED
    book.new.append(order)
    least = backed - isolated if isolated is not None else ZERO
    short = least - book.amount(instrument.settle)
    if short > 0:
        _move(book, PaperMove.Cause.INSURANCE, row.symbol, instrument.settle, short, at, note="from the insurance fund")


def _venue_id(row: PaperPosition, at: datetime) -> str:
    """Not one of ours, and the same for the same event."""
    return "venue" + hashlib.sha256(f"{row.account_id} {row.symbol} {at.isoformat()}".encode()).hexdigest()[:27]


def _move(book: Book, cause: str, symbol: str, currency: str, amount: Decimal, at: datetime, *, note: str = "") -> None:
    book.add(currency, amount)
    book.moves.append(
        rows.make(
            PaperMove,
            account_id=book.account_id,
            cause=cause,
            symbol=symbol,
            currency=currency,
            amount=amount,
            at=at,
            note=note,
        )
    )
