"""What a heartbeat says and what is held, side by side (I13). Pure: what follows is decided elsewhere.

The side always counts. The size counts only where the strategy sizes by the message: any other strategy holds its own
size by intent, and so does each account.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from signals.receive import Alert
from tradeops.core import money

from .actions import Held
from .symbols import Mapped

HEARTBEAT = "heartbeat"  # the message's action
# Lots and fees taken in the base currency make a position a little smaller than the message's size.
TOLERANCE = Decimal("0.01")


@dataclass(frozen=True)
class Comparison:
    """`told` and `held` in words, such as `long 0.02` and `flat`; `sides_differ`: more than the size is wrong."""

    told: str
    held: str
    same: bool
    sides_differ: bool = False


def told_size(alert: Alert, *, mapped: Mapped, sizing_mode: str) -> Decimal | None:
    """The size that must be held, in base units; None where the message's size decides nothing here."""
    if alert.market_position_size is None or sizing_mode != "message" or mapped.quantity_unit == "quote":
        return None
    return alert.market_position_size * mapped.multiplier


def compare(*, told: str, size: Decimal | None, held: Held, market: str, lot: Decimal) -> Comparison:
    """`told` is long, short or flat; `size` and `lot` are in base units, a size of None counts for nothing."""
    # Out of the long is as far as spot goes towards short (S5).
    wanted = "flat" if told == "short" and market == "spot" else told
    sides = [(side, quantity) for side, quantity in (("long", held.long), ("short", held.short)) if quantity > 0]
    present = " and ".join(f"{side} {money.plain(quantity)}" for side, quantity in sides) or "flat"
    said = f"{told} {money.plain(size)}" if size is not None and told != "flat" else told
    if [side for side, _ in sides] != ([] if wanted == "flat" else [wanted]):
        return Comparison(said, present, same=False, sides_differ=True)
    if size is None or wanted == "flat":
        return Comparison(said, present, same=True)
    return Comparison(said, present, same=abs(sides[0][1] - size) <= max(lot, size * TOLERANCE))
