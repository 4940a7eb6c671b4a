"""The only writer of a delivery's status. Each change is conditional on the claim that the row was read under."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection

from relay.models import Delivery
from tradeops.core import events, fsm
from tradeops.core.events import Level

Status = Delivery.Status

TRANSITIONS: fsm.Transitions = {
    Status.PENDING: frozenset({Status.RETRYING, Status.DELIVERED, Status.DEAD}),
    Status.RETRYING: frozenset({Status.RETRYING, Status.DELIVERED, Status.DEAD}),
    Status.DELIVERED: frozenset(),
    Status.DEAD: frozenset(),
}
_FIELDS = {field.name: field for field in Delivery._meta.concrete_fields}


def delivered(delivery: Delivery, *, endpoint: str, tries: int, at: datetime) -> bool:
    if not _move(delivery, Status.DELIVERED, tries=tries, delivered_at=at):
        return False
    title = f"{_what(delivery)} was delivered to {endpoint}"
    _publish(delivery, "delivery.delivered", endpoint=endpoint, level=Level.INFO, title=title, at=at, tries=tries)
    return True


def retry(delivery: Delivery, *, tries: int, due_at: datetime) -> bool:
    return _move(delivery, Status.RETRYING, tries=tries, due_at=due_at)


def dead(
    delivery: Delivery,
    *,
    endpoint: str,
    reason: str,
    at: datetime,
    tries: int | None = None,
    level: Level = Level.ERROR,
) -> bool:
    tries = delivery.tries if tries is None else tries
    if not _move(delivery, Status.DEAD, tries=tries, reason=reason[:200]):
        return False
    title = f"{_what(delivery)} did not reach {endpoint}: {reason}"[:300]
    _publish(
        delivery, "delivery.dead", endpoint=endpoint, level=level, title=title, at=at, tries=tries, reason=reason[:200]
    )
    return True


def _move(delivery: Delivery, to: Status, **fields: Any) -> bool:
    """False when the row is no longer as it was read: another sender took it over, or it is settled already.

    Plain SQL: this runs for each delivery, and the query compiler alone took half of a delivery's time.
    """
    fsm.check(TRANSITIONS, current=delivery.status, target=to, what=f"delivery {delivery.pk}")
    sources = [str(status) for status, targets in TRANSITIONS.items() if to in targets]
    values = {"status": str(to), "claim_token": "", "lease_until": None, **fields}
    prepared = [_FIELDS[name].get_db_prep_save(value, connection) for name, value in values.items()]
    columns = ", ".join(f"{name} = %s" for name in values)
    places = ", ".join("%s" for _ in sources)
    statement = (
        f"UPDATE relay_delivery SET {columns}"  # noqa: S608 (names of this module only; values are bound)
        f" WHERE id = %s AND claim_token = %s AND status IN ({places})"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*prepared, delivery.pk, delivery.claim_token, *sources])
        return cursor.rowcount == 1


def _what(delivery: Delivery) -> str:
    return f"{delivery.get_type_display()} {delivery.message.symbol or delivery.subject}"


def _publish(
    delivery: Delivery, name: str, *, endpoint: str, level: Level, title: str, at: datetime, **body: Any
) -> None:
    message = delivery.message
    events.publish(
        events.Event(
            name=name,
            at=at,
            level=level,
            title=title,
            signal=message.signal,
            strategy=message.strategy,
            endpoint=endpoint,
            symbol=message.symbol,
            request_id=message.request_id,
            body={
                "delivery": delivery.pk,
                "endpoint": endpoint,
                "type": delivery.type,
                "subject": delivery.subject,
                "replay": delivery.replay_of_id is not None,
                **body,
            },
        )
    )
