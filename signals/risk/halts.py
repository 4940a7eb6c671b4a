"""A strategy that a rule has halted: it opens nothing until a person lets it go on (D3)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from signals.models import RiskScope
from signals.models.risk import Scope
from tradeops.core import events
from tradeops.core.events import Event, Level


def halt(*, strategy: str, reason: str, now: datetime) -> bool:
    """In the transaction that holds its scope's lock. Returns whether it was going until now: then it is told, once."""
    rows = RiskScope.objects.filter(scope=Scope.STRATEGY, key=strategy, halted_at=None)
    if not rows.update(halted_at=now, halted_reason=reason[:200]):
        return False
    events.publish(
        Event(
            name="strategy.halted",
            at=now,
            level=Level.CRITICAL,
            title=f"{strategy} is halted: {reason}. It opens nothing until a person lets it go on",
            strategy=strategy,
            body={"reason": reason},
        )
    )
    return True


def resume(*, strategy: str, reason: str, by: str, now: datetime) -> bool:
    """Lets it go on; returns whether it was halted. In effect for every signal decided after the commit."""
    with transaction.atomic():
        rows = RiskScope.objects.select_for_update(no_key=True).filter(scope=Scope.STRATEGY, key=strategy)
        row = rows.exclude(halted_at=None).first()
        if row is None:
            return False
        was = row.halted_reason
        row.halted_at, row.halted_reason = None, ""
        row.save(update_fields=["halted_at", "halted_reason"])
        events.publish(
            Event(
                name="strategy.resumed",
                at=now,
                level=Level.WARNING,
                title=f"{strategy} goes on, by {by}" + (f": {reason}" if reason else ""),
                strategy=strategy,
                body={"by": by, "reason": reason, "halted_because": was},
            )
        )
    return True


def halted() -> list[RiskScope]:
    """Those that wait for a person, longest first."""
    return list(RiskScope.objects.exclude(halted_at=None).order_by("halted_at"))
