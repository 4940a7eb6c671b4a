"""Where a plan's levels are, and which plan a position has."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from signals.models import ExitPlan
from tradeops.core import rows

from .rules import Level, Rules


def open_plan(position: int) -> ExitPlan | None:
    """The one of a position that is not closed, locked; the position's row must be."""
    found = ExitPlan.objects.select_for_update(no_key=True).filter(position=position)
    return found.exclude(state=ExitPlan.State.CLOSED).first()


def with_a_plan(positions: Collection[int]) -> set[int]:
    """Those of these positions, whose rows must be locked, that have one that is not closed."""
    if not positions:
        return set()
    where = f"NOT (state = 'CLOSED') AND position_id IN ({', '.join(['%s'] * len(positions))})"
    return {position for [position] in rows.select(ExitPlan, "position_id", where=where, params=list(positions))}


@dataclass(frozen=True)
class Levels:
    """Where things are for one entry price."""

    stop: Decimal | None
    targets: tuple[Decimal, ...]
    break_even_at: Decimal | None
    break_even_to: Decimal | None
    trailing_from: Decimal | None


def levels(read: Rules, *, entry: Decimal, sign: int) -> Levels:
    """In quote currency per base unit; `sign` 1 long, -1 short."""

    def at(level: Level | None, way: int) -> Decimal | None:
        return None if level is None else level.price(entry, way * sign)

    stops = [price for price in (at(read.stop_loss, -1), _first_trailing(read, entry, sign)) if price is not None]
    return Levels(
        stop=max(stops, key=lambda price: price * sign, default=None),
        targets=tuple(target.at.price(entry, sign) for target in read.take_profit),
        break_even_at=at(read.break_even_at, 1),
        break_even_to=at(read.break_even_to, 1),
        trailing_from=at(read.trailing_from, 1),
    )


def _first_trailing(read: Rules, entry: Decimal, sign: int) -> Decimal | None:
    if read.trailing is None or read.trailing_from is not None:
        return None
    price = read.trailing.price(entry, -sign) if read.trailing.percent else entry - sign * read.trailing.value
    return price if price > 0 else None
