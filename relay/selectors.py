"""What others read of the relay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.db import connection
from django.db.models import Prefetch, Q, QuerySet

from relay.models import Attempt, Delivery, Endpoint, Notification
from tradeops.core.configuration import Cached

# Said in these words because SQLite uses the partial index on `signal` only where its condition is repeated.
_HAS_SIGNAL = ~Q(message__signal="")


def deliveries_of(signal_public_id: str) -> QuerySet[Delivery]:
    """A signal's deliveries, oldest first, replays too, with message, endpoint and attempts."""
    attempts = Prefetch("attempts", Attempt.objects.order_by("pk"))
    return (
        Delivery.objects.filter(_HAS_SIGNAL, message__signal=signal_public_id)
        .select_related("message", "endpoint")
        .defer("endpoint__secret")
        .prefetch_related(attempts)
        .order_by("pk")
    )


def notifications_of(signal_public_id: str) -> QuerySet[Notification]:
    """What people were told of a signal, oldest first, with message and channel."""
    found = Notification.objects.filter(_HAS_SIGNAL, message__signal=signal_public_id)
    return found.select_related("message", "channel").order_by("pk")


def summary(signal_public_id: str) -> dict[str, int]:
    """Status → how many of a signal's deliveries; a replay counts instead of what it replays.

    Plain SQL: it is asked once for each settled delivery, and compiling the query took ten times as long as running it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.message_id, d.endpoint_id, d.status FROM relay_delivery d JOIN relay_message m"
            " ON m.id = d.message_id WHERE m.signal = %s AND NOT (m.signal = '') ORDER BY d.id",
            [signal_public_id],
        )
        latest = {(message, endpoint): status for message, endpoint, status in cursor.fetchall()}
    return dict(Counter(latest.values()))


def _load() -> dict[int, Endpoint]:
    return {row.pk: row for row in Endpoint.objects.defer("secret").filter(active=True, retired_at=None)}


_active = Cached(_load)


def active_endpoints(ids: Iterable[int]) -> list[Endpoint]:
    """Those of `ids` that are switched on, in the order given; cached, without their secrets. Do not change them."""
    present = _active()
    return [present[pk] for pk in ids if pk in present]
