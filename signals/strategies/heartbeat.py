"""What a heartbeat says and what is held, side by side (I13). Pure: what follows is decided elsewhere.

The side always counts. The size counts only where the message decides it, by the strategy's target sizes or because it
sizes by the message: any other strategy holds its own size by intent, and so does each account.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from signals.receive import Alert
from tradeops.core import money

from . import sizing
from .actions import TOLERANCE, Held
from .symbols import Mapped

HEARTBEAT = "heartbeat"  # the message's action


@dataclass(frozen=True)
class Comparison:
    """`told` and `held` in words, such as `long 0.02` and `flat`; `sides_differ`: more than the size is wrong."""

    told: str
    held: str
    same: bool
    sides_differ: bool = False


def size_counts(alert: Alert, *, mapped: Mapped, sizing_mode: str, target_size: str) -> bool:
    """Whether the message's size says how much must be held, now as when it was entered.

    A size in money, or a share of what the account has, was another one then.
    """
    if alert.market_position_size is None or mapped.quantity_unit == "quote":
        return False
    if target_size == sizing.PROPORTIONAL:
        return sizing_mode == "fixed_quantity"
    return target_size == sizing.ABSOLUTE or sizing_mode == "message"


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
