"""Notifications by channel: what is due, taken under a lease, and written back under its token."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from relay.models import Notification
from tradeops.core import fsm, literal, logs

logger = logs.get(__name__)
Status = Notification.Status

LEASE = timedelta(seconds=20)  # twice what a notifier may take
BATCH = 20  # taken and written back in one commit each
GIVE_UP_AFTER = timedelta(hours=1)
BACKOFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)

TRANSITIONS: fsm.Transitions = {
    Status.PENDING: frozenset({Status.PENDING, Status.SENT, Status.DEAD}),
    Status.SENT: frozenset(),
    Status.DEAD: frozenset(),
}


def due(now: datetime) -> QuerySet[Notification]:
    """What is to be told now and is in nobody's hands."""
    return Notification.objects.filter(
        Q(lease_until=None) | Q(lease_until__lte=now), literal.equal("status", Status.PENDING.value), due_at__lte=now
    )


def take(*, channel: int, now: datetime, limit: int = BATCH) -> list[Notification]:
    """The channel's oldest due notifications, leased, with their messages; without work it only reads."""
    chosen = list(due(now).filter(channel_id=channel).order_by("pk").values_list("pk", flat=True)[:limit])
    if not chosen:
        return []
    token = uuid.uuid4().hex
    with transaction.atomic():
        # All conditions again: another sender may have come since they were chosen.
        free = due(now).filter(pk__in=chosen).select_for_update(skip_locked=True).values_list("pk", flat=True)
        due(now).filter(pk__in=list(free)).update(claim_token=token, lease_until=now + LEASE)
    mine = Notification.objects.select_related("message", "channel").filter(pk__in=chosen, claim_token=token)
    return list(mine.order_by("pk"))


def give_back(notifications: Iterable[Notification]) -> None:
    """Ends the lease of what was taken and not tried."""
    for notification in notifications:
        Notification.objects.filter(pk=notification.pk, claim_token=notification.claim_token).update(
            claim_token="", lease_until=None
        )


def sent(told: Iterable[tuple[Notification, datetime]]) -> None:
    """Writes down when each was sent, in one commit."""
    with transaction.atomic():
        for notification, at in told:
            _move(notification, Status.SENT, sent_at=at, error="", tries=F("tries") + 1)


def dead(notification: Notification, *, error: str) -> None:
    if _move(notification, Status.DEAD, error=error[:300], tries=F("tries") + 1):
        logger.error(
            "a notification is given up",
            channel=notification.channel.slug,
            notification=notification.pk,
            reason=error[:300],
        )


def later(notification: Notification, *, error: str, retry_after: float | None, now: datetime) -> None:
    """Puts it off, and all of its channel with it: what failed for one would fail for the next. DEAD after an hour."""
    delay = max(BACKOFF_SECONDS[min(notification.tries, len(BACKOFF_SECONDS) - 1)], retry_after or 0.0)
    at = now + timedelta(seconds=delay)
    if at > notification.created_at + GIVE_UP_AFTER:
        dead(notification, error=f"given up after {notification.tries + 1} tries in an hour; the last: {error}")
        return
    with transaction.atomic():
        _move(notification, Status.PENDING, error=error[:300], tries=F("tries") + 1, due_at=at)
        due(now).filter(channel_id=notification.channel_id).update(due_at=at)


def _move(notification: Notification, to: Notification.Status, **fields: object) -> bool:
    """The only writer of a notification's status; nothing happens if another sender has taken it over."""
    fsm.check(TRANSITIONS, current=notification.status, target=to, what=f"notification {notification.pk}")
    mine = Notification.objects.filter(pk=notification.pk, status=Status.PENDING, claim_token=notification.claim_token)
    return bool(mine.update(status=to, claim_token="", lease_until=None, **fields))
