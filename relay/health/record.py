"""Writing what checks found: the check, its hour's sum, the endpoint's state, and the news when that changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import connection, transaction

from relay.delivery import breaker
from relay.delivery.endpoints import Receiver
from relay.models import EndpointState, HealthCheck
from tradeops.core import events, rows
from tradeops.core.events import Level

from . import claim
from .ask import Health

_SUM = (
    "INSERT INTO relay_uptimehour (endpoint_id, hour, checks, ok, ms) VALUES (%s, %s, 1, %s, %s)"
    " ON CONFLICT (endpoint_id, hour) DO UPDATE SET checks = relay_uptimehour.checks + 1,"
    " ok = relay_uptimehour.ok + excluded.ok, ms = relay_uptimehour.ms + excluded.ms"
)


def write(found: Mapping[int, tuple[Receiver, Health]]) -> None:
    """All of it in one transaction. The states are locked in the order of their keys, as the breaker does it."""
    if not found:
        return
    with transaction.atomic():
        claim.make_states(found, now=min(health.at for _, health in found.values()))
        locked = EndpointState.objects.select_for_update(no_key=True, of=("self",)).filter(endpoint_id__in=list(found))
        states = {row.endpoint_id: row for row in locked.order_by("pk")}
        rows.insert_all([_check(pk, health) for pk, (_, health) in sorted(found.items())])
        for pk, (receiver, health) in sorted(found.items()):
            _sum(pk, health)
            _move(states[pk], receiver, health)


def _check(endpoint: int, health: Health) -> HealthCheck:
    return HealthCheck(
        endpoint_id=endpoint,
        at=health.at,
        ok=health.ok,
        ms=health.ms,
        status_code=health.status_code,
        error=health.error,
    )


def _sum(endpoint: int, health: Health) -> None:
    """A check that says neither well nor ill counts for neither: uptime is a share of what is known."""
    if health.ok is None:
        return
    hour = connection.ops.adapt_datetimefield_value(hour_of(health.at))
    with connection.cursor() as cursor:
        cursor.execute(_SUM, [endpoint, hour, int(health.ok), health.ms if health.ok else 0])


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _move(state: EndpointState, receiver: Receiver, health: Health) -> None:
    """The latest check counts: one that took its time does not overwrite what was found after it."""
    if state.checked_at is not None and state.checked_at > health.at:
        return
    before = state.healthy
    if health.ok:
        breaker.well(state.endpoint_id, health.ended_at)
    EndpointState.objects.filter(pk=state.pk).update(
        checked_at=health.at, healthy=health.ok, check_ms=health.ms, check_error=health.error
    )
    _tell(receiver.slug, before, health)


def _tell(endpoint: str, before: bool | None, health: Health) -> None:
    """Once when it turns ill, once when that is over; what stays as it is is no news."""
    if health.ok is False and before is not False:
        title = f"{endpoint} does not answer its health check: {health.error}. Messages to it are still tried."
        _publish("endpoint.unhealthy", Level.WARNING, title, endpoint, health)
    elif before is False and health.ok is not False:
        title = f"{endpoint} is well again" if health.ok else f"{endpoint} answers again; {health.error}"
        _publish("endpoint.healthy", Level.INFO, title, endpoint, health)


def _publish(name: str, level: Level, title: str, endpoint: str, health: Health) -> None:
    events.publish(
        events.Event(
            name=name,
            at=health.ended_at,
            level=level,
            title=title[:300],
            endpoint=endpoint,
            body={"endpoint": endpoint, "ms": health.ms, "status_code": health.status_code, "error": health.error},
        )
    )
