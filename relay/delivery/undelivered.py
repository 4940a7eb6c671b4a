"""What is still to be delivered, as SQLite's planner wants to hear it."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from relay.models import Delivery
from tradeops.core import literal

# The condition of the partial index `relay_delivery_undelivered`.
UNDELIVERED = literal.one_of("status", (Delivery.Status.PENDING.value, Delivery.Status.RETRYING.value))


def unleased(now: datetime) -> Q:
    """In nobody's hands: never claimed, or the claim ran out."""
    return Q(lease_until=None) | Q(lease_until__lte=now)
