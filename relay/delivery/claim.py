"""Taking deliveries into this sender's hands: the head of each lane, under a lease, in one short transaction.

A lane (endpoint, lane) has at most one delivery in flight, its oldest; where a failover group has passed some on, the
lane is the group's. On PostgreSQL claims of one endpoint exclude each other by a lock on its row; on SQLite every
writing transaction excludes every other. An empty lane has no order. All in plain SQL: it runs at every commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from relay.models import Delivery
from tradeops.core.holder import Holder

from . import breaker
from .endpoints import Receiver
from .parcel import COLUMNS, Parcel, parcels

# Room for writing the result after a try that used all of its time.
LEASE_MARGIN = timedelta(seconds=2)

_OPEN = "status IN ('PENDING', 'RETRYING')"  # the condition of the partial indexes, in their words
_FREE = "(lease_until IS NULL OR lease_until <= %s)"

# From lane to lane by the index, so that a long backlog costs no more than a short one.
_HEADS = f"""
WITH RECURSIVE lanes(endpoint_id, lane) AS (
    SELECT e.id, (SELECT MIN(d.lane) FROM relay_delivery d WHERE d.endpoint_id = e.id AND d.{_OPEN})
    FROM relay_endpoint e WHERE e.id IN (%(marks)s)
  UNION ALL
    SELECT l.endpoint_id, (SELECT MIN(d.lane) FROM relay_delivery d
        WHERE d.endpoint_id = l.endpoint_id AND d.lane > l.lane AND d.{_OPEN})
    FROM lanes l WHERE l.lane IS NOT NULL
)
SELECT h.endpoint_id, h.lane, h.id FROM lanes l JOIN relay_delivery h ON h.id = (
    SELECT MIN(d.id) FROM relay_delivery d
    WHERE d.endpoint_id = l.endpoint_id AND d.lane = l.lane AND d.{_OPEN})
WHERE h.lane = '' OR (h.due_at <= %%s AND h.expires_at > %%s AND (h.lease_until IS NULL OR h.lease_until <= %%s))
ORDER BY h.id
"""  # noqa: S608 (constants; values are bound)

_WITHOUT_LANE = (
    "SELECT id FROM relay_delivery"  # noqa: S608
    f" WHERE endpoint_id = %s AND lane = '' AND {_OPEN} AND {_FREE} AND due_at <= %s AND expires_at > %s"
    " ORDER BY id LIMIT %s"
)

# All conditions again: another sender, or a newer target, may have come since these were chosen, and an older id can
# become visible after a younger one of its lane was claimed: then it waits for that one. What another sender held and
# never settled may have reached the endpoint, so its outcome is unknown.
_LEASE = (
    "UPDATE relay_delivery SET claim_token = %%s, lease_until = CASE endpoint_id %s END,"  # noqa: S608
    " unknown = (unknown OR claim_token <> '') WHERE id IN (%s)"
    f" AND {_OPEN} AND {_FREE.replace('%s', '%%s')} AND (lane = '' OR NOT EXISTS (SELECT 1 FROM relay_delivery other"
    " WHERE other.endpoint_id = relay_delivery.endpoint_id AND other.lane = relay_delivery.lane"
    " AND NOT other.claim_token = '' AND other.lease_until > %%s))"
    " AND (group_id IS NULL OR lane = '' OR NOT EXISTS (SELECT 1 FROM relay_delivery other"
    " WHERE other.group_id = relay_delivery.group_id AND other.lane = relay_delivery.lane"
    f" AND other.group_id IS NOT NULL AND other.{_OPEN} AND other.id < relay_delivery.id))"
    f" RETURNING {', '.join(COLUMNS)}"
)


def take(*, receivers: Mapping[int, Receiver], slots: Mapping[int, int], holder: Holder, now: datetime) -> list[Parcel]:
    """Leases up to `slots[endpoint]` due deliveries for each endpoint, oldest first; fewer where its breaker says so.

    Without work it only reads, so that a busy writer elsewhere is not disturbed.
    """
    free = {endpoint: room for endpoint, room in slots.items() if room > 0}
    if not free or not _anything(now):
        return []
    states = breaker.read(free)
    room = {pk: states.get(pk, breaker.NEW).room(slots, now=now) for pk, slots in free.items()}
    chosen = _heads({pk: slots for pk, slots in room.items() if slots}, now=now)
    if not chosen:
        return []
    leases = {pk: now + timedelta(seconds=receivers[pk].timeout) + LEASE_MARGIN for pk in chosen}
    asking = {pk for pk in chosen if pk in states and states[pk].breaker != breaker.CLOSED}
    with transaction.atomic():
        mine = _locked(list(chosen))
        refused = asking - breaker.probing(asking & set(mine), until=leases, now=now)
        found = _lease(
            {pk: chosen[pk] for pk in mine if pk not in refused}, token=holder.token(), leases=leases, now=now
        )
    return parcels(found) if found else []


def _locked(endpoints: list[int]) -> list[int]:
    """Those of the endpoints that no other sender is claiming for; on SQLite the transaction keeps others out."""
    if connection.vendor != "postgresql":
        return endpoints
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM relay_endpoint WHERE id IN ({_marks(endpoints)})"  # noqa: S608
            " ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
            endpoints,
        )
        return [pk for [pk] in cursor.fetchall()]


def _lease(
    chosen: Mapping[int, list[int]], *, token: str, leases: Mapping[int, datetime], now: datetime
) -> list[tuple[Any, ...]]:
    """Claims those that still may be: undelivered, in nobody's hands, and nothing of their lane is in flight."""
    ids = [pk for each in chosen.values() for pk in each]
    if not ids:
        return []
    at = _db(now)
    ends = [value for endpoint in chosen for value in (endpoint, _db(leases[endpoint]))]
    # PostgreSQL takes a bare parameter of a CASE for text.
    arm = "WHEN %s THEN %s::timestamptz" if connection.vendor == "postgresql" else "WHEN %s THEN %s"
    statement = _LEASE % (" ".join([arm] * len(chosen)), _marks(ids))
    with connection.cursor() as cursor:
        cursor.execute(statement, [token, *ends, *ids, at, at])
        return cursor.fetchall()


def _anything(now: datetime) -> bool:
    """Whether anything is undelivered and in nobody's hands. Asked at every commit."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM relay_delivery WHERE {_OPEN} AND {_FREE} LIMIT 1", [_db(now)])  # noqa: S608
        return cursor.fetchone() is not None


def _heads(slots: Mapping[int, int], *, now: datetime) -> dict[int, list[int]]:
    """Endpoint → the ids that may go now, oldest first: each endpoint's own, so that none crowds out another."""
    if not slots:
        return {}
    at = _db(now)
    chosen: dict[int, list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_HEADS % {"marks": _marks(slots)}, [*slots, at, at, at])
        for endpoint, lane, head in cursor.fetchall():
            ids = chosen.setdefault(endpoint, [])
            if lane:
                ids.append(head)
                continue
            cursor.execute(_WITHOUT_LANE, [endpoint, at, at, at, slots[endpoint]])
            ids.extend(pk for [pk] in cursor.fetchall())
    return {endpoint: sorted(ids)[: slots[endpoint]] for endpoint, ids in chosen.items() if ids}


def _marks(values: Any) -> str:
    return ", ".join(["%s"] * len(values))


def _db(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def free_dead(*, holder: Holder) -> int:
    """Ends the leases of senders of this machine that are gone, instead of waiting for them. Returns how many.

    What they held may have reached its endpoint.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT claim_token FROM relay_delivery WHERE NOT (claim_token = '')")
        gone = [token for [token] in cursor.fetchall() if holder.died(token)]
    if not gone:
        return 0
    return Delivery.objects.filter(claim_token__in=gone).update(claim_token="", lease_until=None, unknown=True)
