"""Giving up what cannot be delivered any more: past its deadline, or its endpoint is closed for good."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from relay.models import Delivery
from tradeops.core.events import Level

from . import breaker, state
from .endpoints import Receiver
from .outcome import Outcome
from .parcel import Held
from .state import Change
from .undelivered import UNDELIVERED, unleased

AT_ONCE = 200  # a transaction stays short however long the outage was


def overdue(*, receivers: Mapping[int, Receiver], now: datetime) -> int:
    """Marks DEAD, with the reason, what nobody holds and nobody should send. Returns how many, up to `AT_ONCE`.

    What a failover group has for an endpoint that is closed for good goes to the next member instead (`failover`),
    but for what that endpoint may have acted on.
    """
    closed = Q(endpoint_id__in=[receiver.id for receiver in receivers.values() if receiver.closed])
    lost = Q(expires_at__lte=now) | (closed & (Q(group=None) | Q(unknown=True)))
    hopeless = Delivery.objects.filter(UNDELIVERED, unleased(now), lost)
    if not hopeless.exists():
        return 0
    with transaction.atomic():
        rows = hopeless.select_for_update(skip_locked=True, of=("self",)).select_related("message").order_by("pk")
        found = list(rows[:AT_ONCE])
        states = breaker.read({row.endpoint_id for row in found})
        ill = {pk for pk, each in states.items() if each.breaker != breaker.CLOSED}
        return len(state.write([_change(row, receivers.get(row.endpoint_id), ill=ill, now=now) for row in found]))


def _change(delivery: Delivery, receiver: Receiver | None, *, ill: set[int], now: datetime) -> Change:
    endpoint = receiver.slug if receiver else str(delivery.endpoint_id)
    if receiver is not None and receiver.closed:
        reason = receiver.closed
    elif receiver is not None and not receiver.active:
        reason = f"the deadline passed while {endpoint} was switched off"
    elif delivery.endpoint_id in ill:
        reason = f"the deadline passed while {endpoint} was down, after {_tries(delivery)}"
    elif delivery.tries:
        reason = f"the deadline passed after {_tries(delivery)}"
    else:
        reason = "the deadline passed before it could be sent"
    # What a sender held that never settled it may have gone out: its claim is still there.
    unknown = delivery.unknown or bool(delivery.claim_token)
    return given_up(delivery, endpoint=endpoint, reason=reason, at=now, tries=delivery.tries, unknown=unknown)


def _tries(delivery: Delivery) -> str:
    return f"{delivery.tries} {'try' if delivery.tries == 1 else 'tries'}"


def given_up(delivery: Held, *, endpoint: str, reason: str, at: datetime, tries: int, unknown: bool) -> Change:
    """Dead; critical where a group's leader may have acted on it: only a person can find that out."""
    level = Level.ERROR
    if unknown and delivery.group_id:
        level = Level.CRITICAL
        reason = f"{endpoint} may have acted on it, look there; {reason}"
    return state.dead(delivery, endpoint=endpoint, reason=reason, at=at, tries=tries, unknown=unknown, level=level)


def still_unknown(delivery: Held, outcome: Outcome) -> bool:
    """Whether the receiver may have acted on it, after one more try that was not taken.

    Only a 2xx ends the doubt: a 404 or 429 may come from whatever stands before a bridge that has acted and died.
    """
    return outcome.unknown or delivery.unknown
