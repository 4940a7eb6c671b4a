"""A run's actions as signals of a strategy: the same decisions, orders and exits as everybody's (A5)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from signals import receive
from signals.models import Signal
from signals.receive import Alert
from signals.strategies import experiments
from tradeops.core.ids import uuid7

if TYPE_CHECKING:
    from .runner import Work


def signals(work: Work, *, now: datetime) -> list[Signal]:
    """Stores one for each BUY and SELL, in the caller's transaction; HOLD says nothing."""
    plan = work.run.plan
    if plan.strategy is None:
        return []
    found = []
    for subject in work.subjects:
        if subject.verdict is None or subject.verdict.action == "HOLD":
            continue
        alert = Alert(
            symbol=subject.symbol,
            action=subject.verdict.action.split()[0].lower(),
            strategy=plan.strategy.slug,
            sent_at=now,
            sender_id=f"{work.run.public_id}:{subject.symbol}",
            price=Decimal(str(subject.price)),
            confidence=Decimal(str(round(subject.verdict.confidence, 4))),
            comment=subject.verdict.reasoning[:200],
        )
        public_id = uuid7()
        found.append(
            receive.new(
                public_id=public_id, variants=experiments.variants(public_id, [plan.strategy.slug]),
                source_id=None, alert=alert, raw={"analysis": plan.slug, "run_id": work.run.public_id},
                routes=[plan.strategy.slug], request_id=work.run.public_id.replace("-", "")[:32], address=None, size=0,
                received_at=now,
            )
        )  # fmt: skip
    receive.store(found)
    return found
