"""Results are kept for as long as their plan says; the runs and their scored forecasts stay (A4)."""

from __future__ import annotations

from datetime import datetime, timedelta

from signals.models import AnalysisPlan, AnalysisRun


def results(*, now: datetime, dry_run: bool = False) -> int:
    """Empties the results that have had their time; returns how many."""
    gone = 0
    for plan in AnalysisPlan.objects.all():
        old = AnalysisRun.objects.filter(
            plan=plan, results__isnull=False, finished_at__lt=now - timedelta(hours=plan.keep_hours)
        )
        gone += old.count() if dry_run else old.update(results=None, expired_at=now)
    return gone
