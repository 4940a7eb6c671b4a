"""A difference between a heartbeat and a position is told once, and once more when it is gone (I13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts.models import Account
from signals.models import Difference
from signals.strategies.heartbeat import Comparison
from tradeops.core import events
from tradeops.core.events import Event, Level

from .gather import Case


@dataclass(frozen=True)
class Finding:
    """What one account's comparison gave; `said` tells of both sides and of what follows, for people."""

    account: Account
    symbol: str
    comparison: Comparison
    said: str


def note(case: Case, finding: Finding, *, now: datetime) -> None:
    """Writes down what changed since the last heartbeat and tells of it, in the caller's transaction.

    The scope locks of strategy and account keep two heartbeats of one position from doing it side by side.
    """
    row = Difference.objects.filter(
        strategy=case.strategy, account=finding.account, symbol=finding.symbol
    ).first() or Difference(strategy=case.strategy, account=finding.account, symbol=finding.symbol)
    comparison = finding.comparison
    open_before = row.pk is not None and row.resolved_at is None
    if comparison.same:
        if open_before:
            row.resolved_at = now
            row.save(update_fields=["resolved_at"])
            _publish(case, finding, "heartbeat.agrees", Level.WARNING, "agrees with its heartbeat again", now=now)
        return
    if open_before and (row.told, row.held) == (comparison.told, comparison.held):
        return
    row.told, row.held, row.signal = comparison.told, comparison.held, case.signal.public_id
    row.since, row.resolved_at = now, None
    row.save()
    _publish(case, finding, "heartbeat.differs", Level.CRITICAL, finding.said, now=now)


def _publish(case: Case, finding: Finding, name: str, level: Level, what: str, *, now: datetime) -> None:
    alert, seen = case.alert, finding.comparison
    title = f"{finding.symbol} of {case.strategy.slug} on {finding.account.slug}: {what}"
    events.publish(
        Event(
            name=name,
            at=now,
            level=level,
            title=title[:300],
            signal=case.signal.public_id,
            strategy=case.strategy.slug,
            account=finding.account.slug,
            symbol=finding.symbol,
            request_id=case.signal.request_id,
            body={
                "told": seen.told,
                "held": seen.held,
                "told_size": str(alert.market_position_size) if alert.market_position_size is not None else "",
                "heal": case.strategy.heal,
            },
        )
    )
