"""Positions are the sum of their fills: `book_fill` is the only writer (P1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from signals.models import Position
from tradeops.core import rows
from tradeops.core.money import EXACT, ZERO, Side


@dataclass(frozen=True, kw_only=True)
class Trade:
    """One fill as the position sees it. `fee` is in `fee_currency`; `base` and `quote` are the symbol's currencies."""

    strategy_id: int
    account_id: int
    symbol: str
    base: str
    side: Side
    position_side: Position.Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at: datetime
    starts_entry: bool = False  # the first fill of an entry order: counts for pyramiding


def book_fill(trade: Trade) -> Position:
    """Adds one new fill to its position, in the caller's transaction.

    What closes more than is held opens the other side.
    """
    position = _locked(trade)
    adds = (trade.side is Side.BUY) == (trade.position_side == Position.Side.LONG)
    if adds:
        _add(position, trade)
    else:
        surplus = _reduce(position, trade)
        if surplus > 0:
            other = Position.Side.SHORT if trade.position_side == Position.Side.LONG else Position.Side.LONG
            _store(position, trade)
            rest = {**trade.__dict__, "position_side": other, "quantity": surplus, "fee": ZERO, "starts_entry": True}
            return book_fill(Trade(**rest))
    _store(position, trade)
    return position


def _locked(trade: Trade) -> Position:
    found = _find(trade)
    if found is None:
        new = Position(
            strategy_id=trade.strategy_id,
            account_id=trade.account_id,
            symbol=trade.symbol,
            side=trade.position_side,
            updated_at=trade.at,
        )
        Position.objects.bulk_create([new], ignore_conflicts=True)  # another worker may open the same position
        found = _find(trade)
        assert found is not None
    return found


def _find(trade: Trade) -> Position | None:
    found = rows.select(
        Position,
        *_FIELDS,
        where="strategy_id = %s AND account_id = %s AND symbol = %s AND side = %s",
        params=[trade.strategy_id, trade.account_id, trade.symbol, trade.position_side.value],
        lock=True,
    )
    if not found:
        return None
    position = Position(**dict(zip(_FIELDS, found[0], strict=True)))
    position._state.adding = False
    return position


_FIELDS = (
    "id", "strategy_id", "account_id", "symbol", "side", "quantity", "average_price", "entries", "realised_pnl", "fees",
    "mark_price", "marked_at", "is_open", "opened_at", "updated_at",
)  # fmt: skip


def _add(position: Position, trade: Trade) -> None:
    if position.quantity <= 0:
        position.opened_at, position.entries = trade.at, 0
        cost = ZERO
    else:
        cost = position.quantity * (position.average_price or ZERO)
    if trade.starts_entry:
        position.entries += 1
    bought = trade.quantity
    position.average_price = EXACT.divide(cost + trade.quantity * trade.price, position.quantity + trade.quantity)
    if trade.fee_currency == trade.base:
        bought -= trade.fee  # the venue kept part of what was bought
    else:
        position.fees += trade.fee
    position.quantity += bought


def _reduce(position: Position, trade: Trade) -> Decimal:
    """Takes the fill off the position and books its profit; returns what exceeded it."""
    closed = min(trade.quantity, position.quantity)
    direction = 1 if position.side == Position.Side.LONG else -1
    entry = trade.price if position.average_price is None else position.average_price
    position.realised_pnl += EXACT.multiply((trade.price - entry) * direction, closed)
    if trade.fee_currency != trade.base:
        position.fees += trade.fee
    position.quantity -= closed
    if position.quantity == 0:
        position.average_price, position.opened_at, position.entries = None, None, 0
    return trade.quantity - closed


_BOOKED = (
    "quantity", "average_price", "entries", "realised_pnl", "fees", "mark_price", "marked_at", "is_open", "opened_at",
    "updated_at",
)  # fmt: skip


def _store(position: Position, trade: Trade) -> None:
    position.is_open = position.quantity > 0
    position.mark_price, position.marked_at = trade.price, trade.at
    position.updated_at = trade.at
    rows.update(position, *_BOOKED)


def unrealised(position: Position) -> Decimal | None:
    """Against the last mark, in the quote currency; None when flat or never marked."""
    if not position.is_open or position.average_price is None or position.mark_price is None:
        return None
    direction = 1 if position.side == Position.Side.LONG else -1
    return (position.mark_price - position.average_price) * direction * position.quantity
