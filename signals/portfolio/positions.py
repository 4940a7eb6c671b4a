"""Positions are the sum of their fills: `enter` is the only one that moves them (P1).

A fee taken in the base currency is booked as if so much less was bought (more was sold) at the fill's price and its
worth was paid as a fee: then the quantity is the venue's, and cash, positions and fees add up to the last digit. A fee
in a third currency is not counted (`fees`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from signals.models import Position, RoundTrip
from tradeops.core import money
from tradeops.core.money import EXACT, ZERO, Side

from . import fees, ledger, pnl, trips
from .ledger import Ledger


@dataclass(frozen=True, kw_only=True)
class Trade:
    """One fill as the position sees it. `fee` is in `fee_currency`.

    `base` is the currency in which a fee changes the position, empty where none does (contracts). `time_zone` is the
    account's, by which its days begin; `reason` says why it was traded; `signal_id` and `variant` whose entry it is.
    `hedges` tells whether the account holds long and short side by side; asked only where it matters.
    """

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
    time_zone: str = "UTC"
    reason: str = ""
    signal_id: int | None = None
    variant: str = ""
    hedges: Callable[[], bool] = bool


@dataclass(frozen=True)
class Movement:
    """What a fill did to one position: `quantity` base units added or taken off.

    Both rows are as they are after all fills that were entered with it.
    """

    position: Position
    trip: RoundTrip
    adds: bool
    opened: bool  # it was flat before
    quantity: Decimal


def book_fill(trade: Trade) -> Position:
    """As `book`; the position that it changed last."""
    return book(trade)[-1].position


def book(trade: Trade) -> list[Movement]:
    """Adds one new fill to its position, round trip and day, in the caller's transaction."""
    on = ledger.read([trade])
    moved = enter(trade, on)
    on.write()
    return moved


def enter(trade: Trade, on: Ledger) -> list[Movement]:
    """As `book`, in rows that were read for it; `Ledger.write` is still to come.

    What closes more than is held opens the other side. Where the account holds both side by side it cannot: there it
    has closed what is somebody else's of the same side, of which the external part stands for all. On spot both sides
    are one holding: there a fill that would open a side first takes off what is held of the other, as when an entry
    fills late, after its exit.
    """
    trade = _net_of_fee(trade)
    adds = (trade.side is Side.BUY) == (trade.position_side == Position.Side.LONG)
    grows, shrinks = trade.position_side, _other(trade.position_side)
    if not adds:
        grows, shrinks = shrinks, grows
    found = []
    if not adds or trade.base:
        taken = _take_off(replace(trade, position_side=shrinks), on)
        if taken is not None:
            found.append(taken)
            trade = replace(trade, quantity=trade.quantity - taken.quantity, fee=ZERO)
    if trade.quantity > 0 and not adds and trade.hedges():
        on.beyond(trade, trade.quantity if trade.side is Side.BUY else -trade.quantity)
    elif trade.quantity > 0:
        starts = trade.starts_entry or not adds
        found.append(_add_to(replace(trade, position_side=grows, starts_entry=starts), on, first=not found))
    return found


def _net_of_fee(trade: Trade) -> Trade:
    """The same trade with its fee in the quote currency; without one, where that is not known."""
    if not trade.fee:
        return trade
    if not fees.is_counted(trade.symbol, trade.fee_currency):
        return replace(trade, fee=ZERO, fee_currency="")
    if trade.fee_currency != (trade.base or fees.base_of(trade.symbol)):
        return trade
    worth = money.kept(EXACT.multiply(trade.fee, trade.price))
    change = ZERO if not trade.base else -trade.fee if trade.side is Side.BUY else trade.fee
    return replace(trade, quantity=trade.quantity + change, fee=worth, fee_currency="")


def _other(side: Position.Side) -> Position.Side:
    return Position.Side.SHORT if side == Position.Side.LONG else Position.Side.LONG


def _add_to(trade: Trade, on: Ledger, *, first: bool) -> Movement:
    position = on.made(trade, trade.position_side)
    was_flat = position.quantity <= 0
    if was_flat:
        position.opened_at, position.entries, position.variant = trade.at, 0, trade.variant
    if trade.starts_entry:
        position.entries += 1
    trip = on.begin(position, trips.begin(position, trade)) if was_flat else on.trip(position)
    trips.enter(trip, quantity=trade.quantity, price=trade.price)
    cost = ZERO if was_flat else position.quantity * (position.average_price or ZERO)
    held = (ZERO if was_flat else position.quantity) + trade.quantity
    position.average_price = money.kept(EXACT.divide(cost + trade.quantity * trade.price, held))
    position.quantity = held
    _store(position, trip, trade, on, realised=ZERO, first=first)
    return Movement(position, trip, adds=True, opened=was_flat, quantity=trade.quantity)


def _take_off(trade: Trade, on: Ledger) -> Movement | None:
    """Takes the fill, as far as it goes, off the position and books its profit; None where nothing is held."""
    position = on.position(trade, trade.position_side)
    if position is None or position.quantity <= 0:
        return None
    closed = min(trade.quantity, position.quantity)
    trip = on.trip(position)
    position.quantity -= closed
    realised = trips.leave(trip, quantity=closed, price=trade.price, average=position.average_price, at=trade.at,
                           last=position.quantity == 0, reason=trade.reason)  # fmt: skip
    position.realised_pnl += realised
    if position.quantity == 0:
        position.average_price, position.opened_at, position.entries, position.variant = None, None, 0, ""
    _store(position, trip, trade, on, realised=realised, first=True)
    return Movement(position, trip, adds=False, opened=False, quantity=closed)


def _store(position: Position, trip: RoundTrip, trade: Trade, on: Ledger, *, realised: Decimal, first: bool) -> None:
    position.fees += trade.fee
    trip.fees += trade.fee
    position.is_open = position.quantity > 0
    position.mark_price, position.marked_at = trade.price, trade.at
    position.updated_at = trade.at
    on.changed(position, trip)
    pnl.count(on.days[ledger.day_of(trade)], realised=realised, fees=trade.fee, fills=int(first))


def unrealised(position: Position) -> Decimal | None:
    """Against the last mark, in the quote currency; None when flat or never marked."""
    if not position.is_open or position.average_price is None or position.mark_price is None:
        return None
    direction = 1 if position.side == Position.Side.LONG else -1
    return (position.mark_price - position.average_price) * direction * position.quantity
