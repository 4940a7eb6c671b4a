"""The only writer of a delivery's status. Each change is conditional on the claim that the row was read under."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection

from relay.models import Delivery
from tradeops.core import events, fsm
from tradeops.core.events import Event, Level

from .parcel import Held

Status = Delivery.Status

TRANSITIONS: fsm.Transitions = {
    Status.PENDING: frozenset({Status.RETRYING, Status.DELIVERED, Status.DEAD}),
    Status.RETRYING: frozenset({Status.RETRYING, Status.DELIVERED, Status.DEAD}),
    Status.DELIVERED: frozenset(),
    Status.DEAD: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of a delivery. RETRYING has a `due_at`; DEAD a `reason` and the `level` at which it is told."""

    delivery: Held
    endpoint: str
    to: Status
    tries: int
    at: datetime
    due_at: datetime | None = None
    reason: str = ""
    unknown: bool = False
    level: Level = Level.ERROR


def delivered(delivery: Held, *, endpoint: str, tries: int, at: datetime) -> Change:
    return Change(delivery=delivery, endpoint=endpoint, to=Status.DELIVERED, tries=tries, at=at)


def retry(
    delivery: Held, *, endpoint: str, tries: int, at: datetime, due_at: datetime, unknown: bool = False
) -> Change:
    return Change(
        delivery=delivery, endpoint=endpoint, to=Status.RETRYING, tries=tries, at=at, due_at=due_at, unknown=unknown
    )


def dead(
    delivery: Held,
    *,
    endpoint: str,
    reason: str,
    at: datetime,
    tries: int | None = None,
    level: Level = Level.ERROR,
    unknown: bool = False,
) -> Change:
    tries = delivery.tries if tries is None else tries
    return Change(
        delivery=delivery, endpoint=endpoint, to=Status.DEAD, tries=tries, at=at, reason=reason[:200], level=level,
        unknown=unknown,
    )  # fmt: skip


def write(changes: Sequence[Change]) -> set[int]:
    """Makes the changes and tells of them. Returns the ids of those that happened.

    One does not happen when the row is no longer as it was read: another sender took it over, or it is settled
    already. Raises Conflict for a change that is not in TRANSITIONS. Call it in a transaction.
    """
    for change in changes:
        fsm.check(TRANSITIONS, current=change.delivery.status, target=change.to, what=_name(change))
    done: set[int] = set()
    for status in (Status.DELIVERED, Status.RETRYING, Status.DEAD):
        done |= _write([change for change in changes if change.to == status], status)
    events.publish_all(
        [_event(change) for change in changes if change.to != Status.RETRYING and change.delivery.pk in done]
    )
    return done


def _name(change: Change) -> str:
    return f"delivery {change.delivery.pk}"


_AT_ONCE = 500  # rows in a statement: SQLite bounds its parameters


def _write(changes: Sequence[Change], to: Status) -> set[int]:
    done: set[int] = set()
    for start in range(0, len(changes), _AT_ONCE):
        part = changes[start : start + _AT_ONCE]
        head, row, tail = _statement(to, connection.vendor)
        with connection.cursor() as cursor:
            cursor.execute(f"{head}{', '.join([row] * len(part))}{tail}", list(_values(part)))
            done.update(pk for [pk] in cursor.fetchall())
    return done


def _values(changes: Iterable[Change]) -> Iterable[Any]:
    adapt = connection.ops.adapt_datetimefield_value
    for change in changes:
        due_at = change.due_at and adapt(change.due_at)
        delivered_at = adapt(change.at) if change.to == Status.DELIVERED else None
        yield from (change.delivery.pk, change.delivery.claim_token, change.tries, due_at, delivered_at)
        yield from (change.reason, change.unknown)


@cache
def _statement(to: Status, vendor: str) -> tuple[str, str, str]:
    """One statement for any number of rows, in three parts; plain SQL, because compiling took half of a delivery."""
    sources = ", ".join(f"'{status}'" for status, targets in TRANSITIONS.items() if to in targets)
    head = "WITH change(pk, token, tries, due_at, delivered_at, reason, unknown) AS (VALUES "
    row = "(%s, %s, %s, %s, %s, %s, %s)"
    if vendor == "postgresql":
        row = "(%s::bigint, %s::text, %s::int, %s::timestamptz, %s::timestamptz, %s::text, %s::boolean)"
    tail = (
        f") UPDATE relay_delivery SET status = '{to}', claim_token = '', lease_until = NULL,"  # noqa: S608
        " tries = change.tries, due_at = COALESCE(change.due_at, relay_delivery.due_at),"
        " delivered_at = change.delivered_at, reason = change.reason, unknown = change.unknown FROM change"
        " WHERE relay_delivery.id = change.pk AND relay_delivery.claim_token = change.token"
        f" AND relay_delivery.status IN ({sources}) RETURNING relay_delivery.id"
    )
    return head, row, tail


def _event(change: Change) -> Event:
    delivery, message = change.delivery, change.delivery.message
    what = f"{Delivery.Type(delivery.type).label} {message.symbol or delivery.subject}"
    body = {
        "delivery": delivery.pk,
        "endpoint": change.endpoint,
        "type": str(delivery.type),
        "subject": delivery.subject,
        "replay": delivery.replay_of_id is not None,
        "tries": change.tries,
    }
    if change.to == Status.DELIVERED:
        name, level, title = "delivery.delivered", Level.INFO, f"{what} was delivered to {change.endpoint}"
    else:
        name, level = "delivery.dead", change.level
        title = f"{what} did not reach {change.endpoint}: {change.reason}"[:300]
        body["reason"] = change.reason
    return Event(
        name=name,
        at=change.at,
        level=level,
        title=title,
        signal=message.signal,
        strategy=message.strategy,
        endpoint=change.endpoint,
        symbol=message.symbol,
        request_id=message.request_id,
        body=body,
    )
