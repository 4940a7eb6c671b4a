"""What old checks leave: nothing after a day, their hourly sums for 31 days."""

from __future__ import annotations

from datetime import datetime, timedelta

from relay.models import HealthCheck, UptimeHour

CHECKS_KEPT = timedelta(hours=24)
HOURS_KEPT = timedelta(days=31)
AT_ONCE = 1000  # a transaction stays short


def run(*, now: datetime) -> int:
    """Deletes up to `AT_ONCE` checks, and the sums that are too old. Returns how many checks."""
    UptimeHour.objects.filter(hour__lt=now - HOURS_KEPT).delete()
    old = HealthCheck.objects.filter(at__lt=now - CHECKS_KEPT).order_by("at").values_list("pk", flat=True)[:AT_ONCE]
    return HealthCheck.objects.filter(pk__in=list(old)).delete()[0]
