"""Quotes that fills of the paper venue rested on are kept for a month."""

from __future__ import annotations

from datetime import datetime, timedelta

from signals.models import StoredQuote
from tradeops.core import prune

KEEP = timedelta(days=30)


def quotes(*, now: datetime, dry_run: bool = False) -> int:
    """Deletes those that are older; returns how many."""
    return prune.delete(StoredQuote.objects.filter(at__lt=now - KEEP), dry_run=dry_run)
