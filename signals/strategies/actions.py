"""What an instruction means for what is held: the action table (S5).

`resolve` is pure. Spot cannot go short on borrowed coins: a sell beyond the position is capped by holdings.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from tradeops.core.money import ZERO, Side

Intent = Literal["open", "close"]
PositionSide = Literal["long", "short"]

EXITS = frozenset({"close", "exit", "flat"})


@dataclass(frozen=True)
class Instruction:
    """`action`: buy, sell, close, exit, flat, reverse; or `target`: long, short, flat, which then alone decides.

    `side` narrows an exit to one side of the position (the message's `direction`).
    """

    action: str = ""
    target: str = ""
    side: str = ""

    @property
    def reduces(self) -> bool:
        """Whether it can only reduce, whatever is held."""
        return self.target == "flat" if self.target else self.action in EXITS

    @property
    def sells(self) -> bool:
        return self.target == "short" if self.target else self.action == "sell"


@dataclass(frozen=True, kw_only=True)
class Held:
    """Base units held by the strategy; `entries` so far; `free_base` is what a spot account could sell besides."""

    long: Decimal = ZERO
    short: Decimal = ZERO
    entries: int = 0
    free_base: Decimal = ZERO


@dataclass(frozen=True)
class Leg:
    intent: Intent
    side: Side
    position_side: PositionSide
    quantity: Decimal


@dataclass(frozen=True)
class Plan:
    """Legs in the order they are sent; or why there are none: `rule` set = rejected, else nothing to do."""

    legs: tuple[Leg, ...] = ()
    rule: str = ""
    value: str | None = None
    limit: str | None = None
    reason: str = ""


def _close(position_side: PositionSide, quantity: Decimal) -> Leg:
    return Leg("close", Side.SELL if position_side == "long" else Side.BUY, position_side, quantity)


def _open(position_side: PositionSide, quantity: Decimal) -> Leg:
    return Leg("open", Side.BUY if position_side == "long" else Side.SELL, position_side, quantity)


def resolve(
    instruction: Instruction, *, held: Held, size: Decimal, market: str, opposite: str, pyramiding: int
) -> Plan:
    """The orders that carry out one instruction. `size` is the full size in base units (unused by exits)."""
    if instruction.target:
        return _to_target(instruction.target, held=held, size=size, market=market)
    if instruction.action in EXITS:
        return _exit(instruction.side, held)
    if instruction.action == "reverse":
        return _reverse(held=held, size=size, market=market)
    wanted: PositionSide = "long" if instruction.action == "buy" else "short"
    return _trade(wanted, held=held, size=size, market=market, opposite=opposite, pyramiding=pyramiding)


def _exit(side: str, held: Held) -> Plan:
    legs = []
    if held.long > 0 and side in ("", "long"):
        legs.append(_close("long", held.long))
    if held.short > 0 and side in ("", "short"):
        legs.append(_close("short", held.short))
    if not legs:
        return Plan(rule="position", value="flat", limit="open", reason="there is no open position to close")
    return Plan(tuple(legs))


def _reverse(*, held: Held, size: Decimal, market: str) -> Plan:
    if held.long <= 0 and held.short <= 0:
        return Plan(rule="position", value="flat", limit="open", reason="there is no open position to reverse")
    return _to_target("short" if held.long > 0 else "long", held=held, size=size, market=market)


def _to_target(target: str, *, held: Held, size: Decimal, market: str) -> Plan:
    present = "long" if held.long > 0 else "short" if held.short > 0 else "flat"
    if target == present:
        return Plan(reason=f"already {present}: nothing to do")
    if target == "flat":
        return _exit("", held)
    legs = list(_exit("", held).legs)
    if target == "long":
        return Plan((*legs, _open("long", size)))
    if market == "spot":
        # Out of the long is as far as spot goes towards short.
        return Plan(tuple(legs)) if legs else _no_short()
    return Plan((*legs, _open("short", size)))


def _no_short() -> Plan:
    return Plan(
        rule="holdings", value="0", limit="above 0", reason="a spot account cannot go short: there is nothing to sell"
    )


def _trade(wanted: PositionSide, *, held: Held, size: Decimal, market: str, opposite: str, pyramiding: int) -> Plan:
    same, other = (held.long, held.short) if wanted == "long" else (held.short, held.long)
    against: PositionSide = "short" if wanted == "long" else "long"
    if other > 0:
        if opposite == "reject":
            return Plan(
                rule="opposite",
                value=against,
                limit="reject",
                reason=f"the position is {against} and the strategy rejects the opposite side",
            )
        legs = [_close(against, min(size, other))]
        if size > other and opposite == "reverse" and not (market == "spot" and wanted == "short"):
            legs.append(_open(wanted, size - other))
        return Plan(tuple(legs))
    if same > 0 and held.entries > pyramiding:
        reason = f"the position was already added to {held.entries - 1} times; pyramiding allows {pyramiding}"
        return Plan(rule="pyramiding", value=str(held.entries), limit=str(pyramiding), reason=reason)
    if market == "spot" and wanted == "short":
        sellable = min(size, held.free_base)
        return Plan((_open("short", sellable),)) if sellable > 0 else _no_short()
    return Plan((_open(wanted, size),))
