"""What an instruction means for what is held: the action table (S5).

`resolve` is pure. Spot cannot go short on borrowed coins: a sell beyond the position is capped by holdings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from tradeops.core.money import ZERO, Side

Intent = Literal["open", "close"]
PositionSide = Literal["long", "short"]

EXITS = frozenset({"close", "exit", "flat"})
CANCEL = "cancel"  # ends open orders only; what is held stays
OPTION = "option"  # the market on which a put can be bought
# Lots and fees taken in the base currency make a position a little smaller than the size that was asked for.
TOLERANCE = Decimal("0.01")


@dataclass(frozen=True)
class Instruction:
    """`action`: buy, sell, close, exit, flat, reverse, cancel; or `target`: long, short, flat, which alone decides.

    `side` narrows an exit to one side of the position (the message's `direction`), `partly` to the message's own size
    where that counts. `right`, put or call, is what a buy is of: a put is bought only where options are traded.
    """

    action: str = ""
    target: str = ""
    side: str = ""
    right: str = ""
    partly: bool = False

    @property
    def reduces(self) -> bool:
        """Whether it can only reduce, whatever is held."""
        return self.target == "flat" if self.target else self.action in EXITS or self.action == CANCEL

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
    after_doubt: bool = False  # closes what an order will have opened of which nobody knows yet


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
    instruction: Instruction,
    *,
    held: Held,
    size: Decimal,
    market: str,
    opposite: str,
    pyramiding: int,
    sized: bool = False,
    least: Decimal = ZERO,
    whole: Decimal | None = None,
) -> Plan:
    """The orders that carry out one instruction. `size` is the full size in base units; of exits only those that go
    `partly` use it, and zero is all.

    `whole` is the size before a limit cut it, if one did: what an opposite position is closed by (D3). `sized`: a
    target's size counts as much as its side, so that what is held on that side already is made larger or smaller. A
    difference of less than `least`, the smallest order, is none.
    """
    if instruction.target:
        return _to_target(instruction.target, held=held, size=size, market=market, sized=sized, least=least)
    if instruction.action == CANCEL:
        return Plan(reason="the strategy's open orders on this symbol are cancelled; what is held stays")
    if instruction.action in EXITS:
        return _exit(instruction.side, held, size if instruction.partly else ZERO)
    if instruction.action == "reverse":
        return _reverse(held=held, size=size, market=market)
    if instruction.right == "put" and market != OPTION:
        reason = f"a put is bought where options are traded; this is a {market or 'spot'} account"
        return Plan(rule="direction", value="put", limit=OPTION, reason=reason)
    wanted: PositionSide = "long" if instruction.action == "buy" else "short"
    whole = size if whole is None else whole
    if (held.short if wanted == "long" else held.long) > 0:
        return _against(wanted, held=held, size=size, whole=whole, market=market, opposite=opposite)
    return _along(wanted, held=held, size=size, market=market, pyramiding=pyramiding)


def closing(instruction: Instruction, *, held: Held, opposite: str, whole: Decimal | None = None) -> tuple[Leg, ...]:
    """What an instruction closes whatever it opens after, where nobody can tell how much that would be.

    All of the other side; of an opposite buy or sell no more than `whole`, where at least the size is known.
    """
    if instruction.target:
        return _exit("", _without(held, instruction.target)).legs
    if instruction.action == "reverse":
        return _exit("", held).legs
    if instruction.action not in ("buy", "sell") or instruction.right == "put" or opposite == "reject":
        return ()
    return _exit("short" if instruction.action == "buy" else "long", held, whole or ZERO).legs


def wants_out_of(instruction: Instruction, position_side: str) -> bool:
    """Whether nothing of that side is to be held, whatever else is done."""
    if instruction.target:
        return instruction.target != position_side
    return instruction.action in EXITS and instruction.side in ("", position_side) and not instruction.partly


def close_after_doubt(position_side: PositionSide, quantity: Decimal) -> Leg:
    return replace(_close(position_side, quantity), after_doubt=True)


def _exit(side: str, held: Held, most: Decimal = ZERO) -> Plan:
    """`most` of each side; zero is all."""
    legs = []
    if held.long > 0 and side in ("", "long"):
        legs.append(_close("long", min(held.long, most or held.long)))
    if held.short > 0 and side in ("", "short"):
        legs.append(_close("short", min(held.short, most or held.short)))
    if not legs:
        return Plan(rule="position", value="flat", limit="open", reason="there is no open position to close")
    return Plan(tuple(legs))


def _reverse(*, held: Held, size: Decimal, market: str) -> Plan:
    if held.long <= 0 and held.short <= 0:
        return Plan(rule="position", value="flat", limit="open", reason="there is no open position to reverse")
    return _to_target("short" if held.long > 0 else "long", held=held, size=size, market=market)


def _without(held: Held, side: str) -> Held:
    return replace(held, long=ZERO) if side == "long" else replace(held, short=ZERO) if side == "short" else held


def _to_target(
    target: str, *, held: Held, size: Decimal, market: str, sized: bool = False, least: Decimal = ZERO
) -> Plan:
    present = "long" if held.long > 0 else "short" if held.short > 0 else "flat"
    legs = _exit("", _without(held, target)).legs
    if target == "flat":
        return Plan(legs) if legs else Plan(reason="already flat: nothing to do")
    side: PositionSide = "long" if target == "long" else "short"
    same = held.long if side == "long" else held.short
    opens = market != "spot" or side == "long"
    if same <= 0:
        if opens:
            return Plan((*legs, _open(side, size)))
        # Out of the long is as far as spot goes towards short.
        return Plan(legs) if legs else _no_short()
    step = _adjust(side, same, size, least) if sized else None
    if step is not None and (opens or step.intent == "close"):
        return Plan((*legs, step))
    return Plan(legs) if legs else Plan(reason=f"already {present}: nothing to do")


def _adjust(side: PositionSide, same: Decimal, size: Decimal, least: Decimal) -> Leg | None:
    """A bigger target adds, a smaller one reduces.

    A position is a little smaller than what was asked for, by the venue's lots and by fees in the base currency: that
    is not added to again.
    """
    if size >= same + max(least, size * TOLERANCE) and size > same:
        return _open(side, size - same)
    if same >= size + least and same > size:
        return _close(side, same - size)
    return None


def _no_short() -> Plan:
    return Plan(
        rule="holdings", value="0", limit="above 0", reason="a spot account cannot go short: there is nothing to sell"
    )


def _against(wanted: PositionSide, *, held: Held, size: Decimal, whole: Decimal, market: str, opposite: str) -> Plan:
    """A buy or sell that meets the other side: that is closed first, and only the rest opened."""
    against: PositionSide = "short" if wanted == "long" else "long"
    other = held.short if wanted == "long" else held.long
    if opposite == "reject":
        return Plan(
            rule="opposite",
            value=against,
            limit="reject",
            reason=f"the position is {against} and the strategy rejects the opposite side",
        )
    legs = [_close(against, min(whole, other))]
    if whole > other and opposite == "reverse" and not (market == "spot" and wanted == "short"):
        legs.append(_open(wanted, min(whole - other, size)))
    return Plan(tuple(legs))


def _along(wanted: PositionSide, *, held: Held, size: Decimal, market: str, pyramiding: int) -> Plan:
    """A buy or sell that meets nothing, or its own side."""
    same = held.long if wanted == "long" else held.short
    if same > 0 and held.entries > pyramiding:
        reason = f"the position was already added to {held.entries - 1} times; pyramiding allows {pyramiding}"
        return Plan(rule="pyramiding", value=str(held.entries), limit=str(pyramiding), reason=reason)
    if market == "spot" and wanted == "short":
        sellable = min(size, held.free_base)
        return Plan((_open("short", sellable),)) if sellable > 0 else _no_short()
    return Plan((_open(wanted, size),))
