"""What old checks leave: nothing after a day, their hourly sums for 31 days."""

from __future__ import annotations

from datetime import datetime, timedelta

from relay.models import HealthCheck, UptimeHour
from tradeops.core import prune

CHECKS_KEPT = timedelta(hours=24)
HOURS_KEPT = timedelta(days=31)


def checks(*, now: datetime, dry_run: bool = False) -> int:
    return prune.delete(HealthCheck.objects.filter(at__lt=now - CHECKS_KEPT), dry_run=dry_run)


def hours(*, now: datetime, dry_run: bool = False) -> int:
    return prune.delete(UptimeHour.objects.filter(hour__lt=now - HOURS_KEPT), dry_run=dry_run)
