"""What the instruction means on one account: which legs, of which size."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

from signals.models import Position
from signals.risk.base import FAIL, Verdict
from signals.strategies import actions, heartbeat, sizing
from signals.strategies.actions import Held, Instruction, Plan
from signals.strategies.sizing import NoSize
from tradeops.core.money import ZERO, Side

from . import capped, in_doubt, members, proposals, wanted
from .desk import Desk


def plan(desk: Desk) -> tuple[Plan, list[Verdict]]:
    """What is to be done here; or the verdict that says why nothing can be."""
    case = desk.case
    if (agreed := desk.agreed) is not None:
        return agreed, []
    instruction = desk.opinion.instruction
    if instruction is None:
        asked = case.alert.action or case.alert.direction
        return Plan(), [Verdict("action", FAIL, asked, desk.engine, desk.opinion.reason)]
    if desk.look.mapped is None:
        return Plan(), []  # `allowed_symbols` says so
    if late := proposals.late(case):
        return Plan(), late
    here = held(desk)
    try:
        found = _resolved(desk, instruction, here)
    except NoSize as error:
        legs = actions.closing(instruction, held=here, opposite=case.strategy.opposite, whole=error.whole)
        if not legs:
            return Plan(), [Verdict("sizing", FAIL, None, case.strategy.sizing_mode, str(error))]
        # What only reduces is never held back by what forbids the opening that was to follow (D3).
        found = Plan(legs, reason=f"closes only: {error}")
    found = in_doubt.widen(found, instruction, key=desk.key, exposure=desk.exposure)
    found = in_doubt.unsure(found, instruction, key=desk.key, exposure=desk.exposure)
    return found, [*_rejected(found), *members.verdicts(desk, found)]


def _rejected(found: Plan) -> list[Verdict]:
    return [Verdict(found.rule, FAIL, found.value, found.limit, found.reason)] if found.rule else []


def _resolved(desk: Desk, instruction: Instruction, here: Held) -> Plan:
    """Raises NoSize."""
    case = desk.case
    strategy = case.strategy
    whole, size, why = _of_exit(desk, instruction) if case.reduces else _size(desk, instruction, here)
    found = actions.resolve(
        instruction,
        held=here,
        size=size,
        market=desk.look.account.market,
        opposite=strategy.opposite,
        pyramiding=strategy.pyramiding,
        sized=strategy.target_size != sizing.DIRECTION,
        least=_least(desk),
        whole=whole,
    )
    counts = instruction.target or any(leg.intent == "open" for leg in found.legs)
    return replace(found, reason=why) if found.legs and counts and why else found


def _of_exit(desk: Desk, instruction: Instruction) -> tuple[Decimal, Decimal, str]:
    """An exit is of all that is held, unless the message's own size counts and it says how much less."""
    size, strategy = ZERO, desk.case.strategy
    if instruction.partly and strategy.sizing_mode == sizing.MESSAGE:
        with suppress(NoSize):  # its purpose is plain
            size = members.scaled(desk, sizing.quantity(strategy.sizing_mode, basis(desk)))
    return size, size, ""


def _size(desk: Desk, instruction: Instruction, here: Held) -> tuple[Decimal, Decimal, str]:
    """The whole size, what is left of it, and what it was cut by, in words. Raises NoSize."""
    strategy, found = desk.case.strategy, basis(desk, here)
    if instruction.target:
        size = sizing.target(strategy.target_size, strategy.sizing_mode, found, unit_size=strategy.unit_size)
    else:
        size = sizing.quantity(strategy.sizing_mode, found)
    whole = members.scaled(desk, size)
    try:
        return whole, *capped.cut(desk, whole, price=found.price, sells=found.sells)
    except NoSize as error:
        error.whole = whole
        raise


def told(desk: Desk) -> Decimal | None:
    """How much must be held by a heartbeat's size; None where that decides nothing here (I13)."""
    case, mapped = desk.case, desk.look.mapped
    modes = {"sizing_mode": case.strategy.sizing_mode, "target_size": case.strategy.target_size}
    if mapped is None or case.reduces or not heartbeat.size_counts(case.alert, mapped=mapped, **modes):
        return None
    try:
        return _size(desk, Instruction(target=case.alert.market_position), held(desk))[1]
    except NoSize:
        return None


def basis(desk: Desk, here: Held | None = None) -> sizing.Basis:
    """What the modes know. `here` tells which way a reversal goes."""
    case, look = desk.case, desk.look
    assert look.mapped is not None
    reverses = desk.opinion.instruction is not None and desk.opinion.instruction.action == "reverse"
    sells = (here or held(desk)).long > 0 if reverses else desk.opinion.sells
    return sizing.Basis(
        value=case.strategy.sizing_value,
        alert=case.alert,
        mapped=look.mapped,
        price=wanted.price(case, look) or wanted.far_side(look.quote, Side.SELL if sells else Side.BUY),
        instrument=look.instrument,
        funds=look.funds,
        leverage=Decimal(1) if look.account.market == "spot" else case.alert.leverage or look.account.leverage,
        stop_loss=str(case.strategy.exits.get("stop_loss") or ""),
        sells=sells,
    )


def held(desk: Desk) -> Held:
    """Dust that the venue would not trade is not held: it neither stands in the way of an entry nor can be closed."""
    least = _least(desk)
    sides = {side: row for side, row in desk.exposure.held(desk.key).items() if row.quantity >= least}
    quantities = {side: row.quantity for side, row in sides.items()}
    return Held(
        long=quantities.get(Position.Side.LONG, ZERO),
        short=quantities.get(Position.Side.SHORT, ZERO),
        entries=max((row.entries for row in sides.values()), default=0),
        free_base=desk.look.free_base,
    )


def _least(desk: Desk) -> Decimal:
    """The smallest order that the venue takes."""
    instrument = desk.look.instrument
    return max(instrument.min_quantity, instrument.lot) if instrument else ZERO
