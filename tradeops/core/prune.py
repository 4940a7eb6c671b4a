"""Deleting what has outlived its keeping, without holding up who writes."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

BATCH = 1000  # a transaction each: SQLite has one write lock for everybody
MOST_AT_ONCE = 500_000  # the next run goes on where this one stopped


def delete(queryset: QuerySet[Any], *, dry_run: bool = False) -> int:
    """Deletes the rows of `queryset` in batches; returns how many. A dry run only counts them.

    Each DELETE states the queryset's own conditions again, so a row that another process has renewed since it was
    looked at stays.
    """
    if dry_run:
        return queryset.count()
    gone = 0
    while gone < MOST_AT_ONCE:
        keys = list(queryset.values_list("pk", flat=True)[:BATCH])
        count = queryset.filter(pk__in=keys).delete()[0] if keys else 0
        gone += count
        if count < BATCH:
            break
    return gone
