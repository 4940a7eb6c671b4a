"""What the engine itself says against opening a position: a verdict like a rule's, and like them it binds no exit."""

from __future__ import annotations

from signals.engines.base import Opinion
from signals.risk.base import FAIL, PASS, Verdict
from signals.strategies.actions import Instruction, Leg

from .desk import Desk
from .gather import Case

ENGINE = "engine"
_SIDES = {"long": ("long",), "short": ("short",), "buy": ("long",), "sell": ("short",)}


def of_account(desk: Desk, opens: Leg | None) -> list[Verdict]:
    """Nothing where nothing is opened, and nothing of an engine that holds nothing back."""
    return [] if opens is None else _verdicts(desk.opinion, (opens.position_side,))


def at_large(case: Case) -> list[Verdict]:
    """For endpoints, whose positions nobody here knows: what may open is held back, what is told to close is not."""
    instruction = case.opinion.instruction
    if instruction is None or case.mapped is None or case.reduces or _closes_first(case, instruction):
        return []  # of what is not mapped nobody was asked: `allowed_symbols` says so
    return _verdicts(case.opinion, _SIDES.get(instruction.target or instruction.action, ("long", "short")))


def _closes_first(case: Case, instruction: Instruction) -> bool:
    """Whether the message says that it stands on the other side: the endpoint must leave that, whatever follows."""
    before = case.alert.prev_market_position
    wanted = _SIDES.get(instruction.target or instruction.action, ())
    return before in ("long", "short") and before not in wanted


def _verdicts(opinion: Opinion, sides: tuple[str, ...]) -> list[Verdict]:
    """Held back is what no side of it may be opened."""
    objections = [opinion.objections[side] for side in sides if side in opinion.objections]
    if len(objections) == len(sides):
        first = objections[0]
        return [Verdict(ENGINE, FAIL, first.value, first.limit, first.reason)]
    return [Verdict(ENGINE, PASS, opinion.vote, opinion.needed)] if opinion.views else []
