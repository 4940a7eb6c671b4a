"""Critical events (N2): put with their like, told at once and once, repeated until a person acknowledges.

An alarm is told through the channels whose rules want it; when nobody has acknowledged it in time, its reminders go to
the channels marked `escalation` too. Reminders are one message to each channel, whatever the number of alarms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from accounts.models import Account
from relay.models import Alarm, AlarmEvent, Message, Notification
from tradeops.core import events, rows, wake
from tradeops.core.alone import alone
from tradeops.core.events import Event, Level

from . import rules

EVERY_SECONDS = 5
REMINDER = "alarm.reminder"
ACKNOWLEDGED = "alarm.acknowledged"
_TOGETHER = timedelta(seconds=60)  # a reminder also speaks of what would be due so soon after it
_AT_ONCE = 1000
_MOST_LINES = 10


def new() -> bool:
    """Whether a critical event waits to be put with its like. Cheap: it is asked at every look of the dispatcher."""
    return bool(rows.select(AlarmEvent, "id", where="alarm_id IS NULL LIMIT 1"))


def gather(*, now: datetime) -> int:
    """Puts new critical events with their like: the first of an alarm is to be told, the others are counted.

    Returns how many there were. One caller at a time; whoever finds another at it leaves the work to it.
    """
    with alone("relay-alarms") as mine:
        if not mine:
            return 0
        with transaction.atomic():
            found = list(AlarmEvent.objects.select_related("message").filter(alarm=None).order_by("pk")[:_AT_ONCE])
            _gather(found, now=now)
    return len(found)


def _gather(found: Sequence[AlarmEvent], *, now: datetime) -> None:
    venues = _venues({happened.message.account for happened in found})
    names = {happened.message.event for happened in found}
    is_open = {
        (alarm.event, alarm.subject, alarm.venue): alarm
        for alarm in Alarm.objects.select_for_update(no_key=True).filter(acknowledged_at=None, event__in=names)
    }
    old = {alarm.pk: alarm for alarm in is_open.values()}
    for happened in found:
        message = happened.message
        key = (message.event, happened.subject, venues.get(message.account, ""))
        if key not in is_open:
            is_open[key] = _open(happened, venue=key[2])
        alarm = is_open[key]
        alarm.times += 1
        alarm.title, alarm.last_at = message.title, max(alarm.last_at, message.created_at)
        happened.alarm = alarm
    for alarm in {happened.alarm.pk: happened.alarm for happened in found if happened.alarm}.values():
        alarm.save(update_fields=["times", "title", "last_at"])
    notifications = _notifications(found, old, now=now)
    AlarmEvent.objects.bulk_update(found, ["alarm"], batch_size=500)
    if notifications:
        rows.insert_all(notifications)
        wake.notify()


def _open(happened: AlarmEvent, *, venue: str) -> Alarm:
    message = happened.message
    at = message.created_at
    return Alarm.objects.create(
        event=message.event, subject=happened.subject, venue=venue, message=message, title=message.title,
        first_at=at, last_at=at, remind_at=at + min(settings.ALARM_REPEAT, settings.ALARM_ESCALATE),
    )  # fmt: skip


def _venues(accounts: Iterable[str]) -> dict[str, str]:
    return dict(Account.objects.filter(slug__in=[slug for slug in accounts if slug]).values_list("slug", "broker"))


def _notifications(found: Sequence[AlarmEvent], old: Mapping[int, Alarm], *, now: datetime) -> list[Notification]:
    """Each channel is told of the first of an alarm that it wants; what comes after that is counted."""
    wanted = [(happened, rule.channel) for happened in found for rule in rules.rules_for(_event(happened.message))]
    told = _told({(_alarm(happened), channel) for happened, channel in wanted if _alarm(happened) in old}, old)
    made = []
    for happened, channel in wanted:
        message, alarm = happened.message, _alarm(happened)
        row = Notification(message=message, channel_id=channel, created_at=message.created_at, due_at=now, urgent=True)
        if (alarm, channel) in told:
            row.status, row.together = Notification.Status.GROUPED, 0
            row.error = f"counted in alarm {alarm}, which is told already"
        told.add((alarm, channel))
        made.append(row)
    return made


def _told(asked: set[tuple[int, int]], old: Mapping[int, Alarm]) -> set[tuple[int, int]]:
    """Which of these channels were told of which alarm, or will be: what could not be told there does not count."""
    rows = Notification.objects.filter(status__in=[Notification.Status.PENDING, Notification.Status.SENT])
    firsts = {old[alarm].message_id: alarm for alarm, _ in asked}
    by_first = rows.filter(message__in=firsts).values_list("message", "channel")
    told = {(firsts[message], channel) for message, channel in by_first}
    # Rare: the channel or its rule is newer than the alarm, or could not be told at first.
    if rest := asked - told:
        later = rows.filter(
            message__alarm_event__alarm__in={alarm for alarm, _ in rest}, channel__in={channel for _, channel in rest}
        )
        told.update(later.order_by().values_list("message__alarm_event__alarm", "channel").distinct())
    return told


def _alarm(happened: AlarmEvent) -> int:
    assert happened.alarm is not None
    return happened.alarm.pk


def _event(message: Message) -> Event:
    return Event(
        name=message.event, at=message.created_at, level=Level(message.level), title=message.title,
        strategy=message.strategy, account=message.account, body=message.body,
    )  # fmt: skip


def remind(*, now: datetime) -> None:
    """Tells again what nobody has acknowledged, and escalates it. A chore of the dispatcher: milliseconds."""
    if not Alarm.objects.filter(acknowledged_at__isnull=True, remind_at__lte=now).exists():
        return
    with transaction.atomic():
        unanswered = Alarm.objects.select_for_update(no_key=True, of=("self",)).select_related("message")
        due = list(unanswered.filter(acknowledged_at=None, remind_at__lte=now + _TOGETHER).order_by("pk")[:_AT_ONCE])
        if not any(alarm.remind_at <= now for alarm in due):
            return
        overdue = {alarm.pk for alarm in due if now - alarm.first_at >= settings.ALARM_ESCALATE - timedelta(seconds=1)}
        told: dict[tuple[int, ...], list[int]] = defaultdict(list)
        kinds = _kinds(due)
        for rule in rules.every():
            wanted = [
                alarm.pk
                for alarm in due
                if any(rule.wants(kind) for kind in kinds[alarm.pk]) or (rule.escalation and alarm.pk in overdue)
            ]
            if wanted:
                told[tuple(wanted)].append(rule.channel)
        for pks, channels in told.items():
            _tell([alarm for alarm in due if alarm.pk in pks], channels, now=now)
        escalates = any(rule.escalation for rule in rules.every())
        for alarm in due:
            alarm.remind_at, alarm.reminders = now + settings.ALARM_REPEAT, alarm.reminders + 1
            if escalates and alarm.pk in overdue:
                alarm.escalated_at = alarm.escalated_at or now
            alarm.save(update_fields=["remind_at", "reminders", "escalated_at"])


def _kinds(alarms: Sequence[Alarm]) -> dict[int, list[Event]]:
    """The first event of each, and in an alarm from before the strategy was part of its subject one of each other."""
    found = {alarm.pk: [_event(alarm.message)] for alarm in alarms}
    if not any(rule.strategies or rule.accounts for rule in rules.every()):
        return found
    several = [alarm for alarm in alarms if alarm.times > 1 and not _is_of_one(alarm)]
    firsts = {alarm.pk: found[alarm.pk][0] for alarm in several}
    names = ("alarm", "message__strategy", "message__account")
    for pk, strategy, account in AlarmEvent.objects.filter(alarm__in=several).values_list(*names).distinct():
        found[pk].append(replace(firsts[pk], strategy=strategy, account=account))
    return found


def _is_of_one(alarm: Alarm) -> bool:
    """Whether its subject names the strategy and the account, so that nothing of another's can be in it."""
    named = alarm.subject.split(" ")
    return all(slug in named for slug in (alarm.message.strategy, alarm.message.account) if slug)


def _tell(alarms: Sequence[Alarm], channels: Sequence[int], *, now: datetime) -> None:
    if len(alarms) == 1:
        title = f"Not acknowledged since {_minute(alarms[0].first_at)}: {alarms[0].title}"
    else:
        title = f"{len(alarms)} critical alerts are not acknowledged, the oldest since {_minute(alarms[0].first_at)}"
    page = f"{settings.ENV.base_url}/admin/relay/alarm/"
    message = Message(
        event=REMINDER, level=Level.CRITICAL.value, title=title[:300], created_at=now,
        body={"lines": [*_lines(alarms), ["Acknowledge", page]]},
    )  # fmt: skip
    rows.insert(message)
    rows.insert_all(
        [
            Notification(message=message, channel_id=channel, created_at=now, due_at=now, urgent=True)
            for channel in channels
        ]
    )
    wake.notify()


def _lines(alarms: Sequence[Alarm]) -> list[list[str]]:
    """By cause and venue: what it is about, how often, and since when."""
    alike: dict[str, list[str]] = defaultdict(list)
    for alarm in alarms:
        often = f", {alarm.times} times" if alarm.times > 1 else ""
        cause = " at ".join(part for part in (alarm.event, alarm.venue) if part)
        alike[cause].append(f"{alarm.subject or 'everything'} (since {_minute(alarm.first_at)}{often})")
    lines = [[cause, "; ".join(about)] for cause, about in alike.items()]
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], ["and", f"{len(lines) - _MOST_LINES} more causes"]]
    return lines


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def acknowledge(alarms: Iterable[int], *, by: str, now: datetime, note: str = "") -> int:
    """Ends the reminders of these alarms; what happens next of their kind is a new one. Returns how many were open."""
    with transaction.atomic():
        still_open = Alarm.objects.select_for_update(no_key=True).filter(pk__in=list(alarms), acknowledged_at=None)
        found = list(still_open.order_by("pk"))
        for alarm in found:
            alarm.acknowledged_at, alarm.acknowledged_by, alarm.note = now, by[:150], note[:200]
            alarm.save(update_fields=["acknowledged_at", "acknowledged_by", "note"])
            title = f"{by} acknowledged: {alarm.title}"
            body = {"alarm": alarm.pk, "event": alarm.event, "subject": alarm.subject, "by": by, "note": note}
            events.publish(Event(name=ACKNOWLEDGED, at=now, level=Level.INFO, title=title[:300], body=body))
    return len(found)
