"""What the portal forgets, hourly and by `manage.py prune` (R7). Never a ledger and never the audit log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django_q.models import Schedule

from accounts.firewall import services as firewall
from relay.health import prune as health
from signals.analysis import prune as analysis
from signals.intake import prune as intake
from signals.paper import prune as paper
from signals.portfolio import prune as equity
from signals.reconciliation import prune as comparisons
from tradeops.core import clock, logs

logger = logs.get(__name__)

Part = Callable[..., int]  # (now, dry_run) → how many rows are, or would be, gone

PARTS: dict[str, Part] = {
    "request log": intake.refusals,
    "duplicate keys": intake.duplicate_keys,
    "firewall bans": firewall.prune,
    "health checks": health.checks,
    "uptime": health.hours,
    "comparisons": comparisons.uneventful,
    "analysis results": analysis.results,
    "equity points": equity.points,
    "fine equity points": equity.thin,
    "paper quotes": paper.quotes,
}
SCHEDULE = "prune"


def run(*, now: datetime, dry_run: bool = False) -> dict[str, int]:
    """How many rows of each part went, or in a dry run would go."""
    return {name: part(now=now, dry_run=dry_run) for name, part in PARTS.items()}


def hourly() -> None:
    """What the schedule calls, on the queue `slow`."""
    gone = {name: count for name, count in run(now=clock.now()).items() if count}
    if gone:
        logger.info("pruned", **{name.replace(" ", "_"): count for name, count in gone.items()})


def schedule() -> bool:
    """Puts the hourly run on the list of schedules; returns whether it was missing."""
    _, made = Schedule.objects.get_or_create(
        name=SCHEDULE,
        defaults={"func": f"{__name__}.hourly", "schedule_type": Schedule.HOURLY, "cluster": "slow"},
    )
    return made
