"""Many signals decided in one transaction, for strategies that only relay: nothing of theirs has to be asked elsewhere.

All that can be computed is computed before the transaction, with the kill switches as they are then; in it, under the
scope locks, they are compared, and if one was turned meanwhile everything is asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from signals.models import Decision
from signals.risk import switch
from signals.risk.switch import Switches
from tradeops.core import rows

from . import for_endpoint, heartbeat, tell
from .gather import Case
from .settle import settle

# One commit for as many as are there, but not more: every other writer of an embedded installation waits meanwhile.
MOST = 64


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Cases of one moment with their decisions and what is to be said of them, not stored yet."""

    cases: Sequence[Case]
    decisions: list[list[Decision]]
    words: list[tell.Word | None]
    switches: Switches
    now: datetime


def judge(cases: Sequence[Case], *, now: datetime, switches: Switches | None = None) -> Judged:
    """Reads the switches, unless they are given, and writes nothing. Raises what a case makes it raise."""
    switches = switch.read() if switches is None and cases else switches or Switches(frozenset())
    decisions = [_decide(case, switches, now) for case in cases]
    words = [tell.word(case, made, now=now) for case, made in zip(cases, decisions, strict=True)]
    return Judged(cases=cases, decisions=decisions, words=words, switches=switches, now=now)


def _decide(case: Case, switches: Switches, now: datetime) -> list[Decision]:
    decide = heartbeat.decide_for_endpoints if heartbeat.is_one(case) else for_endpoint.decide_all
    return decide(case, switches=switches, now=now)


def lock(judged: Judged) -> Judged:
    """Locks the scopes, and asks again if a switch was turned since. First thing in the transaction that stores."""
    if not judged.cases:
        return judged
    slugs = sorted({case.strategy.slug for case in judged.cases})
    present = switch.lock(strategies=slugs, accounts=[])
    return judged if present == judged.switches else judge(judged.cases, now=judged.now, switches=present)


def store(judged: Judged) -> None:
    """Decisions, messages and the signals' states; the work items must be stored as done already."""
    rows.insert_all([one for made in judged.decisions for one in made])
    decided: dict[int, list[Decision]] = {}
    shared: dict[int, None] = {}
    for case, made in zip(judged.cases, judged.decisions, strict=True):
        decided.setdefault(case.signal.pk, []).extend(made)
        if len(case.signal.routes) > 1:
            shared[case.signal.pk] = None
    settle(decided, shared=list(shared), now=judged.now)
    tell.tell(judged.words, now=judged.now)
