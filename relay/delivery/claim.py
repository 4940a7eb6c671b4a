"""Taking deliveries into this sender's hands: the head of each lane, under a lease, in one short transaction.

A lane (endpoint, lane) has at most one delivery in flight, its oldest. On PostgreSQL claims of one endpoint exclude
each other by a lock on its row; on SQLite every writing transaction excludes every other. An empty lane has no order.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Max, Min, Q, Window
from django.db.models.functions import RowNumber

from relay.models import Delivery, Endpoint
from tradeops.core.holder import Holder

from .endpoints import Receiver
from .undelivered import UNDELIVERED, unleased

# Room for writing the result after a try that used all of its time.
LEASE_MARGIN = timedelta(seconds=2)


def take(
    *, receivers: Mapping[int, Receiver], slots: Mapping[int, int], holder: Holder, now: datetime
) -> list[Delivery]:
    """Leases up to `slots[endpoint]` due deliveries for each endpoint; returns them with their messages, oldest first.

    Without work it only reads, so that a busy writer elsewhere is not disturbed.
    """
    chosen = _heads(slots, now=now) if _anything(now) else {}
    if not chosen:
        return []
    token = holder.token()
    with transaction.atomic():
        for endpoint in _locked(list(chosen)):
            lease = now + timedelta(seconds=receivers[endpoint].timeout) + LEASE_MARGIN
            _lease(chosen[endpoint], token=token, until=lease, now=now)
    every = [pk for ids in chosen.values() for pk in ids]
    claimed = Delivery.objects.filter(pk__in=every, claim_token=token)
    return list(claimed.select_related("message").order_by("pk"))


def _locked(endpoints: list[int]) -> list[int]:
    """Those of the endpoints that no other sender is claiming for; on SQLite the transaction keeps others out."""
    if not connection.features.has_select_for_update_skip_locked:
        return endpoints
    rows = Endpoint.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=endpoints)
    return list(rows.values_list("pk", flat=True))


def _lease(ids: list[int], *, token: str, until: datetime, now: datetime) -> None:
    """Claims those that still may be: undelivered, in nobody's hands, and nothing of their lane is in flight.

    All conditions again: another sender, or a newer target, may have come since these were chosen, and an older id
    can become visible after a younger one of its lane was claimed: then it waits for that one. In plain SQL, because
    every other writer waits while this runs.
    """
    at, ends = (connection.ops.adapt_datetimefield_value(moment) for moment in (now, until))
    marks = ", ".join(["%s"] * len(ids))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE relay_delivery SET claim_token = %s, lease_until = %s WHERE id IN ({marks})"  # noqa: S608
            " AND status IN ('PENDING', 'RETRYING') AND (lease_until IS NULL OR lease_until <= %s)"
            " AND (lane = '' OR NOT EXISTS (SELECT 1 FROM relay_delivery other WHERE"
            " other.endpoint_id = relay_delivery.endpoint_id AND other.lane = relay_delivery.lane"
            " AND other.status IN ('PENDING', 'RETRYING') AND other.lease_until > %s))",
            [token, ends, *ids, at, at],
        )


def _anything(now: datetime) -> bool:
    """Whether anything is undelivered and in nobody's hands. Asked at every commit, so without the ORM's overhead."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM relay_delivery WHERE status IN ('PENDING', 'RETRYING')"
            " AND (lease_until IS NULL OR lease_until <= %s) LIMIT 1",
            [connection.ops.adapt_datetimefield_value(now)],
        )
        return cursor.fetchone() is not None


def _heads(slots: Mapping[int, int], *, now: datetime) -> dict[int, list[int]]:
    """Endpoint → the ids that may go now, oldest first."""
    free = {endpoint: room for endpoint, room in slots.items() if room > 0}
    if not free:
        return {}
    undelivered = Delivery.objects.filter(UNDELIVERED, endpoint_id__in=list(free))
    lanes = undelivered.exclude(lane="").order_by().values("endpoint_id", "lane")
    lanes = lanes.annotate(head=Min("id"), busy_until=Max("lease_until"))
    heads = lanes.filter(Q(busy_until=None) | Q(busy_until__lte=now)).values("head")
    due = undelivered.filter(Q(lane="") | Q(pk__in=heads), unleased(now), due_at__lte=now, expires_at__gt=now)
    # Each endpoint has its own count, so that one with thousands of waiting lanes does not crowd out the others.
    nth = Window(RowNumber(), partition_by=F("endpoint_id"), order_by="id")
    rows = due.annotate(nth=nth).filter(nth__lte=max(free.values())).order_by("id")
    chosen: dict[int, list[int]] = {}
    for endpoint, delivery in rows.values_list("endpoint_id", "id"):
        if len(chosen.setdefault(endpoint, [])) < free[endpoint]:
            chosen[endpoint].append(delivery)
    return chosen


def free_dead(*, holder: Holder) -> int:
    """Ends the leases of senders of this machine that are gone, instead of waiting for them. Returns how many."""
    leased = Delivery.objects.filter(UNDELIVERED).exclude(claim_token="")
    gone = [token for token in leased.values_list("claim_token", flat=True).distinct() if holder.died(token)]
    if not gone:
        return 0
    return leased.filter(claim_token__in=gone).update(claim_token="", lease_until=None)
