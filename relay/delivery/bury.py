"""Giving up what cannot be delivered any more: past its deadline, or its endpoint is closed for good."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from relay.models import Delivery

from . import state
from .endpoints import Receiver
from .undelivered import UNDELIVERED, unleased

AT_ONCE = 200  # a transaction stays short however long the outage was


def overdue(*, receivers: Mapping[int, Receiver], now: datetime) -> int:
    """Marks DEAD, with the reason, what nobody holds and nobody should send. Returns how many, up to `AT_ONCE`."""
    closed = [receiver.id for receiver in receivers.values() if receiver.closed]
    hopeless = Delivery.objects.filter(UNDELIVERED, unleased(now), Q(expires_at__lte=now) | Q(endpoint_id__in=closed))
    if not hopeless.exists():
        return 0
    with transaction.atomic():
        rows = hopeless.select_for_update(skip_locked=True, of=("self",)).select_related("message").order_by("pk")
        return sum(_bury(row, receivers.get(row.endpoint_id), now=now) for row in rows[:AT_ONCE])


def _bury(delivery: Delivery, receiver: Receiver | None, *, now: datetime) -> bool:
    endpoint = receiver.slug if receiver else str(delivery.endpoint_id)
    if receiver is not None and receiver.closed:
        reason = receiver.closed
    elif receiver is not None and not receiver.active:
        reason = f"the deadline passed while {endpoint} was switched off"
    elif delivery.tries:
        reason = f"the deadline passed after {delivery.tries} {'try' if delivery.tries == 1 else 'tries'}"
    else:
        reason = "the deadline passed before it could be sent"
    return state.dead(delivery, endpoint=endpoint, reason=reason, at=now)
