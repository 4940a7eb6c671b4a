"""Notifications by channel: what is due, taken under a lease, and written back under its token."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, F, Max, Q, QuerySet

from relay.models import Channel, Notification
from tradeops.core import fsm, literal, logs

from . import bundle, state
from .bundle import Bundle, Form, Told, Waiting

logger = logs.get(__name__)
Status = Notification.Status
Held = Notification.Held

LEASE = timedelta(seconds=20)  # twice what a notifier may take
BATCH = 20  # messages that are taken, and written back in one commit
MOST_ROWS = 5000  # of a storm, in one message; the rest is the next minute's
GIVE_UP_AFTER = timedelta(hours=24)
BACKOFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)

TRANSITIONS: fsm.Transitions = {
    Status.PENDING: frozenset({Status.PENDING, Status.SENT, Status.DEAD}),
    Status.SENT: frozenset(),
    Status.DEAD: frozenset(),
    Status.GROUPED: frozenset(),
}


@dataclass
class Taken:
    """What becomes one message; the first of `rows` leads."""

    form: Form
    rows: list[Notification] = field(repr=False)

    @property
    def lead(self) -> Notification:
        return self.rows[0]


def _free(now: datetime) -> QuerySet[Notification]:
    return Notification.objects.filter(
        Q(lease_until=None) | Q(lease_until__lte=now), literal.equal("status", Status.PENDING.value)
    )


def due(now: datetime) -> QuerySet[Notification]:
    """What is to be told now and is in nobody's hands."""
    return _free(now).filter(due_at__lte=now)


def channels(now: datetime) -> list[int]:
    """Those that have something due and do not rest."""
    found = due(now).order_by().values_list("channel_id", flat=True).distinct()
    wanted = list(found)
    resting = state.resting(now) if wanted else frozenset()
    return [channel for channel in wanted if channel not in resting]


def take(*, channel: Channel, now: datetime) -> list[Taken]:
    """The next messages of the channel, leased, criticals first; what is a storm still is held back. Without work it
    only reads."""
    send: list[Bundle] = []
    for urgent in (True, False):
        if len(send) < BATCH:
            send += _planned(channel, urgent=urgent, now=now)
    return _lease(send[:BATCH], now=now)


def _planned(channel: Channel, *, urgent: bool, now: datetime) -> list[Bundle]:
    """What is to be sent now of the criticals, or of the others; what must wait on is held back."""
    of_channel = _free(now).filter(channel=channel, urgent=urgent)
    names = ("pk", "message__event", "created_at", "held", "due_at")
    found = list(of_channel.filter(due_at__lte=now).order_by("pk").values_list(*names)[:MOST_ROWS])
    if not found:
        return []
    # A storm that is held is looked at beside what is due, so that it keeps nothing of another kind waiting.
    if room := MOST_ROWS - len(found):
        held = of_channel.filter(due_at__gt=now, held=Held.STORM).order_by("pk").values_list(*names)
        found = sorted([*found, *held[:room]])
    waiting = [
        Waiting(pk=pk, event=event, created_at=created_at, held=held, critical=urgent)
        for pk, event, created_at, held, _ in found
    ]
    plan = bundle.plan(waiting, told=_told(channel, urgent=urgent, now=now), cap=channel.rate_cap, now=now)
    due_at = {row[0]: row[-1] for row in found}
    for release, members in plan.hold.items():
        # Those that wait for this moment already are not written again each time that another joins them.
        late = [pk for pk in members if due_at[pk] <= now]
        if late:
            _free(now).filter(pk__in=late).update(held=Held.STORM.value, due_at=release)
    return plan.send


def take_one(pk: int, *, now: datetime) -> Taken | None:
    """This very one, due or not; None if somebody else has it or it is done."""
    found = _lease([Bundle(Form.SINGLE, (pk,))], now=now)
    return found[0] if found else None


def _told(channel: Channel, *, urgent: bool, now: datetime) -> dict[str, Told]:
    recent = Notification.objects.filter(
        literal.equal("status", Status.SENT.value), channel=channel, sent_at__gt=now - bundle.WINDOW, together__gte=1,
        urgent=urgent,
    )  # fmt: skip
    by_event = recent.values("message__event").annotate(count=Count("pk"), last_at=Max("sent_at"))
    return {row["message__event"]: Told(row["count"], row["last_at"]) for row in by_event.order_by()}


def _lease(bundles: Sequence[Bundle], *, now: datetime) -> list[Taken]:
    chosen = [pk for each in bundles for pk in each.members]
    if not chosen:
        return []
    token = uuid.uuid4().hex
    with transaction.atomic():
        # All conditions again: another sender may have come since they were chosen.
        free = _free(now).filter(pk__in=chosen).select_for_update(skip_locked=True).values_list("pk", flat=True)
        _free(now).filter(pk__in=list(free)).update(claim_token=token, lease_until=now + LEASE)
    mine = Notification.objects.select_related("message", "channel").filter(pk__in=chosen, claim_token=token)
    rows = {row.pk: row for row in mine}
    taken = [Taken(each.form, [rows[pk] for pk in each.members if pk in rows]) for each in bundles]
    return [each for each in taken if each.rows]


def give_back(taken: Iterable[Taken]) -> None:
    """Ends the lease of what was taken and not tried."""
    for each in taken:
        _mine(each.rows).update(claim_token="", lease_until=None)


def sent(told: Iterable[tuple[Taken, datetime]]) -> None:
    """Writes down when each was sent, in one commit."""
    with transaction.atomic():
        for taken, at in told:
            done = {"sent_at": at, "error": "", "tries": F("tries") + 1}
            _move(taken.rows[:1], Status.SENT, **done, together=len(taken.rows))
            if taken.rows[1:]:
                _move(taken.rows[1:], Status.SENT, **done, together=0, told_with=taken.lead)


def dead(rows: Sequence[Notification], *, error: str) -> None:
    if _move(rows, Status.DEAD, error=error[:300], tries=F("tries") + 1):
        logger.error(
            "notifications are given up",
            channel=rows[0].channel.slug,
            notification=rows[0].pk,
            count=len(rows),
            reason=error[:300],
        )


def later(taken: Taken, *, error: str, after: float, now: datetime) -> datetime:
    """Puts it off by `after` seconds; returns until when. DEAD is what could not be told for a day."""
    at = now + timedelta(seconds=after)
    too_old = [row for row in taken.rows if at > row.created_at + GIVE_UP_AFTER]
    if too_old:
        tries = too_old[0].tries + 1
        dead(too_old, error=f"given up after {tries} tries in a day; the last: {error}")
    rest = [row for row in taken.rows if row not in too_old]
    if rest:
        _move(rest, Status.PENDING, error=error[:300], tries=F("tries") + 1, due_at=at)
    return at


def wait_after(tries: int) -> float:
    """Seconds after the failure of so many tries before."""
    return BACKOFF_SECONDS[min(tries, len(BACKOFF_SECONDS) - 1)]


def _mine(rows: Sequence[Notification]) -> QuerySet[Notification]:
    return Notification.objects.filter(
        pk__in=[row.pk for row in rows], status=Status.PENDING, claim_token=rows[0].claim_token
    )


def _move(rows: Sequence[Notification], to: Notification.Status, **fields: object) -> bool:
    """The only writer of a notification's status; nothing happens if another sender has taken it over."""
    for row in rows:
        fsm.check(TRANSITIONS, current=row.status, target=to, what=f"notification {row.pk}")
    return bool(_mine(rows).update(status=to, claim_token="", lease_until=None, **fields))
