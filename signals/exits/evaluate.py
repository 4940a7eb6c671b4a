"""Whether a position is to be left now, and how far its stop moves: pure, so that a table of prices proves it (P2).

A long position is judged by the bid and a short one by the ask: what an exit would get. A quote is held against the
stop as it stood before the quote moved it; a stop comes before a target.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from accounts.brokers.base import Quote
from tradeops.core import money
from tradeops.core.money import EXACT, ZERO

from .rules import Level

STOP_LOSS, TRAILING, BREAK_EVEN, TAKE_PROFIT = "stop_loss", "trailing_stop", "break_even", "take_profit"
# A stop that rests at the venue follows in steps of this part of its distance, not with every tick.
_STEP = Decimal("0.05")


@dataclass(frozen=True)
class Aim:
    """A target: `quantity` base units at `price`; nothing is left to do of one that is `done`."""

    price: Decimal
    quantity: Decimal
    done: bool = False


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A position and its plan. `free` is what no other order is closing already, in base units; of it `bound` waits for
    a price in other orders: a stop, or the time, takes it out of them, and a target leaves it there."""

    sign: int  # 1 long, -1 short
    free: Decimal
    bound: Decimal = ZERO
    stop: Decimal | None = None
    stop_because: str = STOP_LOSS
    stop_at_venue: bool = False  # the venue holds it: whoever watches only watches
    best: Decimal | None = None
    aims: tuple[Aim, ...] = ()
    whole: bool = True  # the targets together take everything
    trailing: Level | None = None
    trailing_from: Decimal | None = None
    break_even_at: Decimal | None = None
    break_even_to: Decimal | None = None
    break_even_done: bool = False
    closes_at: datetime | None = None
    closes_because: str = ""


@dataclass(frozen=True)
class ExitIntent:
    """`targets` are the places of those that were reached; empty = everything goes."""

    reason: str
    quantity: Decimal
    targets: tuple[int, ...] = ()


def evaluate(watched: Watched, quote: Quote | None, now: datetime) -> ExitIntent | None:
    """Without a quote only time counts."""
    if watched.free <= 0:
        return None
    price = None if quote is None else _price(watched, quote)
    if price is not None and _stopped(watched, price):
        return ExitIntent(watched.stop_because, watched.free)
    if watched.closes_at is not None and now >= watched.closes_at:
        return ExitIntent(watched.closes_because, watched.free)
    return None if price is None else _reached(watched, price)


def moved(watched: Watched, quote: Quote) -> Watched:
    """With the best price so far, and the stop where break-even and trailing take it: only ever closer."""
    price = _price(watched, quote)
    sign = watched.sign
    best = price if watched.best is None or (price - watched.best) * sign > 0 else watched.best
    found = replace(watched, best=best)
    at, to = watched.break_even_at, watched.break_even_to
    if not watched.break_even_done and at is not None and to is not None and (best - at) * sign >= 0:
        found = replace(_closer(found, to, BREAK_EVEN), break_even_done=True)
    if watched.trailing is not None and (watched.trailing_from is None or (best - watched.trailing_from) * sign >= 0):
        distance = _distance(watched.trailing, best)
        step = distance * _STEP if watched.stop_at_venue else ZERO
        found = _closer(found, money.kept(best - sign * distance), TRAILING, step=step)
    return found


def _price(watched: Watched, quote: Quote) -> Decimal:
    return quote.bid if watched.sign > 0 else quote.ask


def _stopped(watched: Watched, price: Decimal) -> bool:
    held_there = watched.stop_at_venue and not watched.bound  # of what is bound the venue's stop has nothing
    return watched.stop is not None and not held_there and (price - watched.stop) * watched.sign <= 0


def _reached(watched: Watched, price: Decimal) -> ExitIntent | None:
    hit = tuple(
        number for number, aim in enumerate(watched.aims) if not aim.done and (price - aim.price) * watched.sign >= 0
    )
    free = watched.free - watched.bound
    if not hit or free <= 0:
        return None
    left = [aim for number, aim in enumerate(watched.aims) if not aim.done and number not in hit]
    quantity = sum((watched.aims[number].quantity for number in hit), ZERO)
    if watched.whole and not any(aim.quantity for aim in left):
        quantity = free  # the last takes the remainder
    return ExitIntent(TAKE_PROFIT, min(quantity, free), hit)


def _distance(level: Level, price: Decimal) -> Decimal:
    return money.kept(EXACT.divide(EXACT.multiply(price, level.value), 100)) if level.percent else level.value


def _closer(watched: Watched, stop: Decimal, because: str, *, step: Decimal = ZERO) -> Watched:
    if stop <= 0:
        return watched
    if watched.stop is not None and (stop - watched.stop) * watched.sign <= step:
        return watched
    return replace(watched, stop=stop, stop_because=because)
