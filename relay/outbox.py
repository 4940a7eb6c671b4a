"""From an event to the rows that tell of it, in the transaction of what happened."""

from __future__ import annotations

from collections.abc import Sequence

from relay.models import Message, Notification
from relay.notify import rules
from tradeops.core import rows, wake
from tradeops.core.events import Event


def record(event: Event) -> Message:
    """The Message of `event`, and a Notification for each channel whose rule matches. The network is not touched."""
    return record_many([event])[0]


def record_many(events: Sequence[Event]) -> list[Message]:
    """As `record` for each, in their order, with as many statements as for one."""
    messages = [_message(event) for event in events]
    rows.insert_all(messages)
    notifications = [
        Notification(message=message, channel_id=channel, created_at=event.at, due_at=event.at)
        for event, message in zip(events, messages, strict=True)
        for channel in rules.channels_for(event)
    ]
    if notifications:
        rows.insert_all(notifications)
        wake.notify()
    return messages


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
