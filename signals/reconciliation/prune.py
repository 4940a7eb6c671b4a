"""Regular comparisons that found nothing are forgotten after a week; everything else stays."""

from __future__ import annotations

from datetime import datetime, timedelta

from signals.models import Reconciliation
from tradeops.core import prune

KEPT = timedelta(days=7)


def uneventful(*, now: datetime, dry_run: bool = False) -> int:
    """How many went, or would go."""
    found = Reconciliation.objects.filter(
        cause=Reconciliation.Cause.REGULAR, started_at__lt=now - KEPT, finished_at__isnull=False, problem="",
        differences=0, trades=0,
    )  # fmt: skip
    return prune.delete(found, dry_run=dry_run)
