"""What a trade does to cash and positions. Fees: spot in what is received, derivatives in the settlement currency."""

from __future__ import annotations

import copy
from dataclasses import replace
from decimal import Decimal

from .books import ZERO, Books, Order, Position, Trade
from .venue import MAKER, TAKER, Venue

SUB_TYPES = {  # docs-v5, "Transaction details": subType
    ("spot", "buy"): "1", ("spot", "sell"): "2", ("open", "long"): "3", ("open", "short"): "4",
    ("close", "long"): "5", ("close", "short"): "6", ("liquidation", "long"): "100", ("liquidation", "short"): "101",
}  # fmt: skip


def trade(
    venue: Venue, books: Books, order: Order, *, size: Decimal, price: Decimal, maker: bool, late: float
) -> Trade:
    """Books one trade of the order and writes the ledger; `size` in base units or contracts."""
    now = venue.now()
    rate = (MAKER if maker else TAKER)[order.listing.inst_type]
    if order.listing.spot:
        fee, currency, pnl, sub_type = _spot(books, order, size, price, rate)
    else:
        fee, currency, pnl, sub_type = _derivative(venue, books, order, size, price, rate, now + late)
    made = Trade(
        trade_id=venue.trade_number(order.listing.inst_id),
        bill_id=venue.number(),
        order=order,
        size=size,
        price=price,
        fee=-fee,
        fee_currency=currency,
        maker=maker,
        pnl=pnl,
        at=now,
        visible=now + late,
        sub_type=sub_type,
    )
    order.filled += size
    order.notional += size * price
    order.fee -= fee
    order.pnl += pnl
    order.updated = now
    order.trades.append(made)
    books.trades.append(made)
    venue.ledger.trade(books.name, made)
    return made


def _spot(
    books: Books, order: Order, size: Decimal, price: Decimal, rate: Decimal
) -> tuple[Decimal, str, Decimal, str]:
    listing, cash = order.listing, books.cash
    if order.side == "buy":
        fee, currency = size * rate, listing.base
        cash[listing.base] = cash.get(listing.base, ZERO) + size - fee
        cash[listing.quote] = cash.get(listing.quote, ZERO) - size * price
    else:
        fee, currency = size * price * rate, listing.quote
        cash[listing.base] = cash.get(listing.base, ZERO) - size
        cash[listing.quote] = cash.get(listing.quote, ZERO) + size * price - fee
    return fee, currency, ZERO, SUB_TYPES["spot", order.side]


def _derivative(
    venue: Venue, books: Books, order: Order, size: Decimal, price: Decimal, rate: Decimal, visible: float
) -> tuple[Decimal, str, Decimal, str]:
    listing = order.listing
    key = (listing.inst_id, order.mode, order.pos_side)
    position = books.positions.get(key)
    if position is None:
        position = Position(listing=listing, mode=order.mode, pos_side=order.pos_side, number=venue.number())
        books.positions[key] = position
    pnl, sub_type = move(position, side=order.side, size=size, price=price, at=venue.now())
    if order.category == "full_liquidation":
        sub_type = SUB_TYPES["liquidation", "long" if order.side == "sell" else "short"]
    fee = size * listing.contract * price * rate
    books.cash[listing.quote] = books.cash.get(listing.quote, ZERO) + pnl - fee
    _show(venue, books, key, position, visible)
    return fee, listing.quote, pnl, sub_type


def move(position: Position, *, side: str, size: Decimal, price: Decimal, at: float) -> tuple[Decimal, str]:
    """Opens, adds to, reduces or turns the position; returns what was realised, and OKX's subType."""
    step = 1 if side == "buy" else -1
    direction = position.direction if position.size else (step if position.pos_side == "net" else position.direction)
    if step == direction:
        if not position.size:
            position.created = at
        held = abs(position.size)
        position.average = (position.average * held + price * size) / (held + size)
        position.size += size * (step if position.pos_side == "net" else 1)
        position.updated = at
        return ZERO, SUB_TYPES["open", "long" if direction > 0 else "short"]
    closed = min(size, abs(position.size))
    pnl = (price - position.average) * closed * position.listing.contract * direction
    position.size -= closed * (direction if position.pos_side == "net" else 1)
    position.realised += pnl
    position.updated = at
    rest = size - closed
    if not position.size:
        position.average = ZERO
    if rest:
        assert position.pos_side == "net", "a hedged position is never turned: checks refuse it"
        move(position, side=side, size=rest, price=price, at=at)
    return pnl, SUB_TYPES["close", "long" if direction > 0 else "short"]


def _show(venue: Venue, books: Books, key: tuple[str, str, str], position: Position, visible: float) -> None:
    """Remembers since when this state may be seen; without delays only the last one is kept."""
    seen = books.shown.setdefault(key, [])
    now = venue.now()
    while len(seen) > 1 and seen[1][0] <= now:
        seen.pop(0)
    if visible <= now:
        seen.clear()
    elif not seen:
        seen.append((0.0, replace(position, size=ZERO)))
    seen.append((visible, copy.copy(position)))


def shown_positions(venue: Venue, books: Books) -> list[Position]:
    """As a question about positions sees them: late where the venue is told to be late."""
    now = venue.now()
    found = []
    for states in books.shown.values():
        visible = [position for at, position in states if at <= now]
        if visible and visible[-1].size:
            found.append(visible[-1])
    return found
