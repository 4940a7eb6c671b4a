"""Points of equity curves that nobody draws any more. Days stay: they are the record."""

from __future__ import annotations

from datetime import datetime

from signals.models import EquityPoint

from .equity import FINE, KEPT, POINT_EVERY


def points(*, now: datetime, dry_run: bool = False) -> int:
    """Those older than `equity.KEPT`; returns how many."""
    old = EquityPoint.objects.filter(at__lt=now - KEPT)
    return old.count() if dry_run else old.delete()[0]


def thin(*, now: datetime, dry_run: bool = False) -> int:
    """Of those older than `equity.FINE` all but the first of each hour; returns how many.

    A point comes each five minutes, so the first of an hour is one of its first five minutes.
    """
    minute = int(POINT_EVERY.total_seconds()) // 60
    old = EquityPoint.objects.filter(at__lt=now - FINE, at__gte=now - KEPT, at__minute__gte=minute)
    return old.count() if dry_run else old.delete()[0]
