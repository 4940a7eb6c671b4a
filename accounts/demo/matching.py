"""How orders meet the one price: at once, in parts, later, or when told. The market is as deep as anyone likes."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from tradeops.core import money

from . import settle
from .books import LIVE, ZERO, Books, Order
from .faults import Fault
from .venue import Venue

# docs-v5, "Order details": cancelSource
BY_USER, REDUCED, FILL_OR_KILL, IMMEDIATE, POST_ONLY = "1", "22", "13", "14", "31"
AT_ONCE = ("market", "ioc", "fok", "optimal_limit_ioc")


def enter(venue: Venue, books: Books, order: Order, faults: dict[str, Fault]) -> None:
    """What becomes of an accepted order in its first moment."""
    books.add(order)
    venue.ledger.order(books.name, order, venue.now())
    late = order.visible - order.created
    if "rest" in faults or venue.faults.modes.rest:
        order.held = True
        return
    if not crosses(venue, order):
        if order.type in ("ioc", "fok"):
            cancel(venue, books, order, IMMEDIATE if order.type == "ioc" else FILL_OR_KILL)
        return
    if order.type == "post_only":
        cancel(venue, books, order, POST_ONLY)
        return
    partial = faults.get("partial") or _in_halves(venue, order)
    if partial is None:
        fill(venue, books, order, order.remaining, venue.prices.of(order.listing.inst_id).far_side(order.side), late)
    elif order.type == "fok":
        cancel(venue, books, order, FILL_OR_KILL)
    else:
        _in_parts(venue, books, order, partial, late)


def crosses(venue: Venue, order: Order) -> bool:
    if order.price is None:
        return True
    price = venue.prices.of(order.listing.inst_id)
    return order.price >= price.ask if order.side == "buy" else order.price <= price.bid


def _in_halves(venue: Venue, order: Order) -> Fault | None:
    seconds = venue.faults.modes.partial_seconds
    return Fault(kind="partial", seconds=seconds, pieces=1) if seconds and order.type == "market" else None


def _in_parts(venue: Venue, books: Books, order: Order, partial: Fault, late: float) -> None:
    """A share at once, in several trades, of which the first is shown last; the rest later, when told, or never."""
    lot = order.listing.lot
    price = venue.prices.of(order.listing.inst_id).far_side(order.side)
    now_due = money.floor_to(order.target * Decimal(partial.share), lot)
    piece = money.floor_to(now_due / partial.pieces, lot)
    for number in range(partial.pieces):
        size = piece if number < partial.pieces - 1 else now_due - piece * (partial.pieces - 1)
        if size > 0:
            fill(venue, books, order, size, price, late + (partial.hide if number == 0 else 0))
    if order.type in ("ioc", "optimal_limit_ioc"):
        cancel(venue, books, order, IMMEDIATE)
        return
    order.held = True
    if partial.seconds:
        venue.later(partial.seconds, lambda: finish(venue, books, order))


def finish(venue: Venue, books: Books, order: Order) -> None:
    """Fills what is left at the market, if it still rests."""
    if order.state in LIVE:
        price = venue.prices.of(order.listing.inst_id).far_side(order.side)
        fill(venue, books, order, order.remaining, order.price or price, order.visible - order.created)


def fill(
    venue: Venue, books: Books, order: Order, size: Decimal, price: Decimal, late: float = 0, maker: bool = False
) -> None:
    """One trade, and the order's state after it. What only reduces never takes more than there is."""
    most = closable(books, order)
    take = size if most is None else min(size, most)
    if take > 0:
        settle.trade(venue, books, order, size=take, price=price, maker=maker, late=late)
    if order.remaining <= 0:
        order.state = "filled"
        _end(venue, books, order)
    elif most is not None and take < size:
        cancel(venue, books, order, REDUCED)
    else:
        order.state = "partially_filled"
    if take > 0:
        venue.traded(books, order, take)


def closable(books: Books, order: Order) -> Decimal | None:
    """How much an order that only reduces can still take; None for one that may open."""
    if order.listing.spot:
        return None
    closing = (order.pos_side == "long" and order.side == "sell") or (order.pos_side == "short" and order.side == "buy")
    if not (order.reduce_only or closing):
        return None
    position = books.positions.get((order.listing.inst_id, order.mode, order.pos_side))
    if position is None:
        return ZERO
    against = position.direction * (1 if order.side == "buy" else -1) < 0
    return abs(position.size) if against else ZERO


def cancel(venue: Venue, books: Books, order: Order, source: str) -> None:
    order.state, order.cancel_source, order.updated = "canceled", source, venue.now()
    _end(venue, books, order)


def _end(venue: Venue, books: Books, order: Order) -> None:
    books.live.pop(order.order_id, None)
    venue.ledger.end(books.name, order, venue.now())


def reprice(venue: Venue, accounts: Iterable[Books], inst_id: str) -> None:
    """After a price has moved: resting orders that it has reached fill at their own price, as makers."""
    for books in accounts:
        resting = [order for order in books.live.values() if order.listing.inst_id == inst_id and not order.held]
        for order in resting:
            if order.price is not None and crosses(venue, order):
                fill(venue, books, order, order.remaining, order.price, maker=True)
