"""What an account could still spend: cash less what resting orders and positions hold."""

from __future__ import annotations

from decimal import Decimal

from .books import ZERO, Books, Order
from .instruments import Listing
from .venue import Venue


def held_by(order: Order, venue: Venue) -> tuple[str, Decimal]:
    """The currency and how much of it an order holds while it rests."""
    listing = order.listing
    price = order.price or venue.prices.of(listing.inst_id).far_side(order.side)
    if listing.spot:
        return (listing.quote, order.remaining * price) if order.side == "buy" else (listing.base, order.remaining)
    if order.reduce_only:
        return listing.quote, ZERO
    return listing.quote, order.remaining * listing.contract * price / (order.leverage or 1)


def frozen(venue: Venue, books: Books) -> dict[str, Decimal]:
    """By currency, what resting orders hold."""
    found: dict[str, Decimal] = {}
    for order in books.live.values():
        currency, held = held_by(order, venue)
        found[currency] = found.get(currency, ZERO) + held
    return found


def margin(venue: Venue, books: Books) -> dict[str, Decimal]:
    """By currency, what positions need, their loss or profit at the last price set against it."""
    found: dict[str, Decimal] = {}
    for position in books.open_positions():
        listing = position.listing
        price = venue.prices.of(listing.inst_id).last
        leverage = books.leverage_of(listing.inst_id, position.mode, position.pos_side)
        needs = position.worth(price) / leverage - position.profit(price)
        found[listing.quote] = found.get(listing.quote, ZERO) + needs
    return found


def available(venue: Venue, books: Books, currency: str) -> Decimal:
    free = books.cash.get(currency, ZERO)
    if books.live:
        free -= frozen(venue, books).get(currency, ZERO)
    if books.positions:
        free -= margin(venue, books).get(currency, ZERO)
    return max(free, ZERO)


def largest(
    venue: Venue, books: Books, listing: Listing, mode: str, side: str, price: Decimal, leverage: Decimal | None
) -> Decimal:
    """The biggest order that the funds allow: base units on spot, contracts elsewhere, with that leverage."""
    if listing.spot:
        if side == "sell":
            return available(venue, books, listing.base)
        return available(venue, books, listing.quote) / price
    leverage = leverage or books.leverage_of(listing.inst_id, mode, "long" if side == "buy" else "short")
    return available(venue, books, listing.quote) * leverage / (price * listing.contract)
