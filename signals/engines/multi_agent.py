"""Engine B: independent agents vote on what the alert would open; risk has a veto (S4).

The vote is the mean of the views (buy = 1, sell = -1, hold = 0, each times its confidence), weighted, of those that
have one. A long is opened from +threshold on, a short from -threshold on. What only reduces is never put to the vote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from signals.receive import Alert
from tradeops.core import logs
from tradeops.core.money import ZERO

from . import settings
from .agents.base import ABSTAIN, BUY, HOLD, SELL, SIDES, VETO, Answer, abstain
from .base import Objection, Opinion, View
from .evidence import NOTHING, Evidence
from .indicators import NoNumber
from .settings import Chosen
from .traditional import instructed

logger = logs.get(__name__)
_SIGNS = {BUY: Decimal(1), SELL: Decimal(-1), HOLD: ZERO}
_STEP = Decimal("0.0001")

Voice = tuple[Chosen, Answer]


class MultiAgentEngine:
    name = "B"
    looks = True

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        self.settings = settings.read(given or {})

    def read(self, alert: Alert, evidence: Evidence = NOTHING) -> Opinion:
        asked = instructed(alert)
        if asked.instruction is None or asked.reduces:
            return replace(asked, reason=f"{asked.reason}: not put to the vote" if asked.reduces else asked.reason)
        voices = [(one, _look(one, evidence)) for one in self.settings.agents]
        score, reason = self._vote(voices)
        put = asked.instruction.right == "put"  # it is bought where the price is to fall
        return Opinion(
            instruction=asked.instruction,
            reason=f"{asked.reason}: {reason}",
            confidence=abs(score or ZERO).quantize(_STEP, rounding=ROUND_HALF_EVEN),
            views=tuple(_view(one, answer) for one, answer in voices),
            vote=None if score is None else str(score),
            needed=str(self.settings.threshold),
            objections={
                side: objection
                for side in SIDES
                if (objection := _veto(voices, side) or self._outvoted(score, side, reason, inverted=put)) is not None
            },
        )

    def _vote(self, voices: Sequence[Voice]) -> tuple[Decimal | None, str]:
        """From -1 (sell) to 1 (buy); None if too few have a view. And what it was, in words."""
        said = [(one, answer) for one, answer in voices if answer.view in _SIGNS and one.weight > 0]
        if len(said) < self.settings.quorum:
            silent = [f"{one.name}: {answer.reason}" for one, answer in voices if answer.view == ABSTAIN]
            needed = self.settings.quorum
            who = "no agent has a view" if not said else f"{len(said)} of {needed} agents needed have a view"
            return None, "; ".join([who, *silent])
        total = sum((one.weight for one, _ in said), ZERO)
        sums = sum((one.weight * _SIGNS[answer.view] * (answer.confidence or ZERO) for one, answer in said), ZERO)
        score = (sums / total).quantize(_STEP, rounding=ROUND_HALF_EVEN)
        return score, f"the vote of {len(said)} agent{'s' if len(said) > 1 else ''} is {score:+}"

    def _outvoted(self, score: Decimal | None, side: str, reason: str, *, inverted: bool) -> Objection | None:
        threshold = self.settings.threshold
        if score is None:
            return Objection(None, str(threshold), reason)
        sign = 1 if (side == "long") != inverted else -1
        support = score * sign
        # Nobody leans anywhere: with a threshold of 0 too that is no reason to open.
        if support >= threshold and support > 0:
            return None
        return Objection(str(score), str(threshold * sign), f"{reason}: it opens no {side}")


def _look(one: Chosen, evidence: Evidence) -> Answer:
    """An agent that cannot tell abstains; one that fails must not decide either."""
    try:
        return one.agent.look(evidence, one.given)
    except NoNumber as error:
        return abstain(str(error))
    except Exception as error:
        logger.exception("an agent could not tell", agent=one.name)
        return abstain(f"it could not tell: {type(error).__name__}: {error}")


def _veto(voices: Sequence[Voice], side: str) -> Objection | None:
    for one, answer in voices:
        if answer.view == VETO and side in answer.vetoes:
            return Objection(VETO, None, f"{one.name} says no: {answer.reason}")
    return None


def _view(one: Chosen, answer: Answer) -> View:
    return View(
        agent=one.name, view=answer.view, confidence=answer.confidence, weight=one.weight, reason=answer.reason[:300]
    )
