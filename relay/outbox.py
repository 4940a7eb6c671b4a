"""From an event to the rows that tell of it, in the transaction of what happened."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

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
    quiet = [_is_muted(event) for event in events]
    messages = [_message(event, muted=each) for event, each in zip(events, quiet, strict=True)]
    rows.insert_all(messages)
    muted = {message.pk for message, each in zip(messages, quiet, strict=True) if each}
    notifications: list[Notification] = []
    alarms: list[AlarmEvent] = []
    for event, message in zip(events, messages, strict=True):
        if message.pk in muted:
            continue
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


def mute(muted: Callable[[Event], bool]) -> None:
    """What says of an event that people are not to be told of it now; its message is stored all the same."""
    global _is_muted
    _is_muted = muted


def _nothing(event: Event) -> bool:
    return False


_is_muted: Callable[[Event], bool] = _nothing


def subject(event: Event) -> str:
    """What a critical event is about, so that the same trouble is one alarm however often it is told.

    All that rules of channels look at is in it: else a channel of one strategy would not be told of its trouble while
    an alarm of another is open.
    """
    names = [event.endpoint, event.account, event.strategy]
    if not any(names):
        thing = next((name for name in _THINGS if event.body.get(name)), "")
        names = [str(event.body[name]) for name in (thing, *_WHERE.get(thing, ())) if event.body.get(name)]
    return _fitted(" ".join(name for name in (*names, event.symbol) if name))


_THINGS = ("operator", "source", "process", "group")
_WHERE = {"process": ("host",)}


def _fitted(text: str) -> str:
    """What is too long is told apart by what would be cut off."""
    longest = 120
    if len(text) <= longest:
        return text
    return f"{text[: longest - 9]}~{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _message(event: Event, *, muted: bool) -> Message:
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
        # That nobody was told is stored with what happened; what goes to endpoints is theirs and stays as it is.
        body={**event.body, "muted": True} if muted and "data" not in event.body else event.body,
        created_at=event.at,
    )
