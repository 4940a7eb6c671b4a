"""What is due between two things that happened: retries, waits, orders and positions whose time ends."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Min

from signals.execution.lifecycle import RESTING
from signals.exits import quotes
from signals.market.base import source_name
from signals.models import ExitPlan, Order, Position, WorkItem


def next_after(now: datetime) -> datetime | None:
    """The first moment after `now` at which something would be done although nothing comes."""
    waits = WorkItem.objects.filter(state=WorkItem.State.WAITING, due_at__gt=now)
    sends = Order.objects.filter(status=Order.Status.PENDING, due_at__gt=now)
    ends = Order.objects.filter(status__in=list(RESTING), cancel_asked_at=None, cancel_after__gt=now)
    found = [
        waits.aggregate(at=Min("due_at"))["at"],
        sends.aggregate(at=Min("due_at"))["at"],
        ends.aggregate(at=Min("cancel_after"))["at"],
        _left_by_time(now),
    ]
    return min((at for at in found if at is not None), default=None)


def _left_by_time(now: datetime) -> datetime | None:
    """Where there is a price at any time. Elsewhere what is left by time goes with the next price that is known."""
    plans = ExitPlan.objects.exclude(state=ExitPlan.State.CLOSED).filter(closes_at__gt=now, reason="")
    rows = plans.select_related("position__account", "position__strategy")
    return min((plan.closes_at for plan in rows if _is_priced(plan.position)), default=None)  # type: ignore[type-var]


def _is_priced(position: Position) -> bool:
    name = source_name(strategy_prices=position.strategy.prices, account=position.account)
    return quotes.by_messages(position) or name == "simulated"
