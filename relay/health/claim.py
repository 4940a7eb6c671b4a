"""One check an endpoint and interval, however many hosts there are: who moves `check_due_at` forward makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from relay.models import Endpoint, EndpointState

EVERY = timedelta(seconds=30)  # L4
JITTER = 0.1  # of the interval: endpoints that were made together are not asked together for ever

Jitter = Callable[[float, float], float]


def due(*, now: datetime, jitter: Jitter) -> list[int]:
    """Ids of the endpoints whose check is now this process's to make; only those that are switched on.

    A process that dies between the claim and the check leaves out one check; the next interval has another.
    """
    _complete(now=now)
    waiting = Q(check_due_at=None) | Q(check_due_at__lte=now)
    found = EndpointState.objects.filter(waiting, endpoint__active=True, endpoint__retired_at=None)
    ids = list(found.order_by("pk").values_list("endpoint_id", flat=True))
    if not ids:
        return []
    with transaction.atomic():
        return [pk for pk in ids if _take(pk, waiting, now, jitter)]


def _take(endpoint: int, waiting: Q, now: datetime, jitter: Jitter) -> bool:
    seconds = EVERY.total_seconds() * jitter(1 - JITTER, 1 + JITTER)
    claimed = EndpointState.objects.filter(waiting, endpoint_id=endpoint)
    return claimed.update(check_due_at=now + timedelta(seconds=seconds)) == 1


def _complete(*, now: datetime) -> None:
    """A state for each endpoint that has none yet."""
    new = Endpoint.objects.filter(state=None, active=True, retired_at=None).values_list("pk", flat=True)
    make_states(list(new), now=now)


def make_states(endpoints: Iterable[int], *, now: datetime) -> None:
    rows = [EndpointState(endpoint_id=pk, since=now) for pk in endpoints]
    if rows:
        EndpointState.objects.bulk_create(rows, ignore_conflicts=True)
