"""A person's yes or no to signals that wait for one (D6), within what they see."""

from __future__ import annotations

from datetime import datetime

from accounts.models import Operator
from signals import visibility
from signals.models import Approval
from signals.models.risk import Scope
from signals.pipeline import approvals
from tradeops.core.errors import Refused

from . import reach
from .reach import Target


def waiting(*, person: Operator, now: datetime) -> list[Approval]:
    """What is over first comes first."""
    bound = reach.accounts(person)
    found = approvals.waiting(now=now)
    if bound is None:
        return found
    seen = set(visibility.strategies(bound).values_list("pk", flat=True))
    return [row for row in found if row.strategy_id in seen]


def find(number: str, *, person: Operator, now: datetime) -> Approval:
    """One that waits, by its number. Raises Refused when there is none such, Forbidden when it is also another's."""
    wanted = number.removeprefix("#")
    for row in waiting(person=person, now=now):
        if wanted == str(row.pk):
            reach.check(Target(Scope.STRATEGY, row.strategy.slug), person=person)
            return row
    raise Refused(f"nothing waits for an answer under {number!r}", code="unknown_approval")


def answer(*, approval: Approval, yes: bool, by: str, reason: str, now: datetime) -> None:
    """Raises Conflict when somebody was first, Refused when its time is over."""
    approvals.answer(approval=approval, yes=yes, by=by, reason=reason, now=now)
