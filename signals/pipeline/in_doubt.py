"""A signal that wants out, while nobody knows what became of an order of the same position (S5, X6).

What is surely held goes at once. For what an entry in doubt may turn out to have opened, or an exit in doubt to have
left, an exit is written down that is sent as soon as the venue has told: it closes that, or ends where nothing is.
"""

from __future__ import annotations

from dataclasses import replace

from signals.portfolio.exposure import Exposure, Key
from signals.strategies import actions
from signals.strategies.actions import Instruction, Leg, Plan
from tradeops.core.money import ZERO


def widen(plan: Plan, instruction: Instruction, *, key: Key, exposure: Exposure) -> Plan:
    """The plan with exits for what is in doubt, before what it opens. Reads nothing where there is no doubt."""
    if (key.account, key.symbol) not in exposure.in_doubt:
        return plan
    plan = _sure(plan, key=key, exposure=exposure)
    entries = [actions.close_after_doubt(side, rest) for side, rest in exposure.doubted.get(key, ())]
    later = [leg for leg in entries if actions.wants_out_of(instruction, leg.position_side)]
    if not later:
        return plan
    closing = [leg for leg in plan.legs if leg.intent == "close"]
    opening = [leg for leg in plan.legs if leg.intent == "open"]
    said = "what an entry in doubt may have opened is closed as soon as it is known"
    return replace(plan, legs=(*closing, *later, *opening), rule="", value=None, limit=None, reason=plan.reason or said)


def _sure(plan: Plan, *, key: Key, exposure: Exposure) -> Plan:
    """What another exit may have closed already is not closed a second time: on a spot account, or beside another
    strategy's part, that would sell what is not the strategy's own."""
    leaving = exposure.leaving.get(key)
    if not leaving:
        return plan
    legs: list[Leg] = []
    for leg in plan.legs:
        row = exposure.held(key).get(leg.position_side)
        sure = max((row.quantity if row else ZERO) - leaving.get(leg.position_side, ZERO), ZERO)
        if leg.intent != "close" or leg.quantity <= sure:
            legs.append(leg)
            continue
        if sure > 0:
            legs.append(replace(leg, quantity=sure))
        legs.append(actions.close_after_doubt(leg.position_side, leg.quantity - sure))
    said = "what an exit in doubt may have closed is closed once that is known"
    return replace(plan, legs=tuple(legs), reason=plan.reason or said)


def unsure(plan: Plan, instruction: Instruction, *, key: Key, exposure: Exposure) -> Plan:
    """A target that seems to be reached, while an order of the position is in doubt, may not be: that is said."""
    wanted = instruction.target in ("long", "short")
    if plan.legs or plan.rule or not wanted or key not in exposure.doubted:
        return plan
    reason = "nobody knows what is held: an order of this position is in doubt; the next alert puts it right"
    return replace(plan, rule="in_doubt", value="unknown", limit="known", reason=reason)
