"""From an event to the rows that tell of it, in the transaction of what happened."""

from __future__ import annotations

from relay.models import Message, Notification
from relay.notify import rules
from tradeops.core import rows, wake
from tradeops.core.events import Event


def record(event: Event) -> Message:
    """The Message of `event`, and a Notification for each channel whose rule matches. The network is not touched."""
    message = Message(
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
    rows.insert(message)
    channels = rules.channels_for(event)
    if channels:
        rows.insert_all(
            [
                Notification(message=message, channel_id=channel, created_at=event.at, due_at=event.at)
                for channel in channels
            ]
        )
        wake.notify()
    return message
