"""From an event to the rows that tell of it, in the transaction of what happened."""

from __future__ import annotations

from collections.abc import Sequence

from relay.models import AlarmEvent, Message, Notification
from relay.notify import rules
from tradeops.core import rows, wake
from tradeops.core.events import Event, Level


def record(event: Event) -> Message:
    """The Message of `event`, and a Notification for each channel whose rule matches. The network is not touched.

    A critical one becomes an AlarmEvent instead: `relay.notify.alarms` puts it with its like before anybody is told.
    """
    return record_many([event])[0]


def record_many(events: Sequence[Event]) -> list[Message]:
    """As `record` for each, in their order, with as many statements as for one."""
    messages = [_message(event) for event in events]
    rows.insert_all(messages)
    notifications: list[Notification] = []
    alarms: list[AlarmEvent] = []
    for event, message in zip(events, messages, strict=True):
        if event.level is Level.CRITICAL:
            alarms.append(AlarmEvent(message=message, subject=subject(event)))
            continue
        for rule in rules.rules_for(event):
            due_at, held = rule.when(event)
            notifications.append(
                Notification(message=message, channel_id=rule.channel, created_at=event.at, due_at=due_at, held=held)
            )
    if notifications:
        rows.insert_all(notifications)
    if alarms:
        rows.insert_all(alarms)
    if notifications or alarms:
        wake.notify()
    return messages


def subject(event: Event) -> str:
    """What a critical event is about, so that the same trouble is one alarm however often it is told."""
    thing = event.endpoint or event.account or event.strategy
    if not thing:
        thing = next((str(event.body[name]) for name in ("source", "process", "group") if event.body.get(name)), "")
    return " ".join(part for part in (thing, event.symbol) if part)[:120]


def _message(event: Event) -> Message:
    return rows.make(
        Message,
        event=event.name,
        level=event.level.value,
        title=event.title[:300],
        signal=event.signal,
        strategy=event.strategy,
        account=event.account,
        symbol=event.symbol,
        request_id=event.request_id,
        body=event.body,
        created_at=event.at,
    )
