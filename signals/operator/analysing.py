"""An analysis that a person asks for. What it finds may become signals of a strategy, so it is an order to trade."""

from __future__ import annotations

from datetime import datetime

from accounts import roles
from accounts.models import Operator
from signals import visibility
from signals.analysis import launch
from signals.models import AnalysisPlan, AnalysisRun
from signals.models.risk import Scope
from tradeops.core.errors import Forbidden

from . import reach
from .reach import Target


def may(person: Operator) -> None:
    """Raises Forbidden, naming both roles. To be asked before anything is said about plans."""
    if not roles.at_least(person, Operator.Role.OPERATOR):
        raise Forbidden(f"Running an analysis takes the role operator; yours is {roles.of(person).value}.")


def ask(plan: AnalysisPlan, *, person: Operator, now: datetime) -> AnalysisRun:
    """A run on demand. Raises Forbidden unless all that the plan's strategy trades for is the person's, Conflict while
    a run is under way."""
    may(person)
    check(plan, person=person)
    return launch.ask(plan, now=now)


def check(plan: AnalysisPlan, *, person: Operator) -> None:
    """Raises Forbidden unless all that the plan's strategy trades for is the person's."""
    if plan.strategy is not None:
        bound = reach.accounts(person)
        # What only endpoints trade is nobody's, and `check` would find no other client in it.
        if not visibility.strategies(bound).filter(pk=plan.strategy.pk).exists():
            raise Forbidden("The plan feeds a strategy that trades for none of the clients assigned to you.")
        try:
            reach.check(Target(Scope.STRATEGY, plan.strategy.slug), person=person)
        except Forbidden:  # its sentence is about stopping
            raise Forbidden("The plan feeds a strategy that also trades for clients that are not yours.") from None
