"""What a quote gives for a quantity: pieces of it, each at its price. Pure.

Where the quote says how much is there, each further level has as much again, `slippage_bps` beyond the one before it.
Where it does not, all of it is there; a market order then pays `slippage_bps` once. Tickers tell of the best level
only, and that is often next to nothing: so it never keeps anybody in a position, see `take`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from accounts.brokers.base import Quote
from tradeops.core.money import EXACT, Side

TICK = Decimal("0.00000001")
# What is not there within so many levels has to wait for the next quote.
MOST_LEVELS = 20


@dataclass(frozen=True)
class Piece:
    """Base units, and quote currency per base unit."""

    quantity: Decimal
    price: Decimal


def take(
    quantity: Decimal,
    *,
    side: Side,
    quote: Quote,
    slippage_bps: Decimal,
    limit: Decimal | None,
    to_the_end: bool = False,
) -> list[Piece]:
    """The pieces that an order takes at once, best first; less than `quantity` where the quote or `limit` ends it.

    `to_the_end`: all of it, what goes beyond the levels at the last one's price, unless `limit` ends it.
    """
    best, size = far_side(quote, side)
    if size is None:
        price = best if limit is not None else _beyond(best, slippage_bps, side)
        return [Piece(quantity, price)] if _within(price, limit, side) else []
    found: list[Piece] = []
    for level in range(MOST_LEVELS):
        price = _beyond(best, slippage_bps * level, side)
        if quantity <= 0 or not _within(price, limit, side):
            break
        last = to_the_end and level == MOST_LEVELS - 1
        found.append(Piece(quantity if last else min(quantity, size), price))
        quantity -= found[-1].quantity
    return [piece for piece in found if piece.quantity > 0]


def far_side(quote: Quote, side: Side) -> tuple[Decimal, Decimal | None]:
    """What whoever takes pays or gets at best, and how much is there at that price."""
    return (quote.ask, quote.ask_size) if side is Side.BUY else (quote.bid, quote.bid_size)


def _within(price: Decimal, limit: Decimal | None, side: Side) -> bool:
    if limit is None:
        return True
    return price <= limit if side is Side.BUY else price >= limit


def _beyond(price: Decimal, bps: Decimal, side: Side) -> Decimal:
    """To the disadvantage of whoever takes, to the tick."""
    if not bps:
        return price
    moved = EXACT.multiply(price, 1 + bps / 10000 if side is Side.BUY else 1 - bps / 10000)
    return moved.quantize(TICK, rounding=ROUND_CEILING if side is Side.BUY else ROUND_FLOOR)
