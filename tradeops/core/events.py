"""What happened, told once. A service publishes inside its transaction; `tradeops.wiring` says who listens.

Listeners run in the same transaction as the change: all of them succeed or nothing happened. They must not
touch the network; what does is written as a row (outbox) that another process picks up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from . import later


class Level(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Level).index(self)


@dataclass(frozen=True, kw_only=True)
class Event:
    """`name` is dotted (`order.filled`); `signal` is the signal's public id, the others are slugs; empty = none.

    `title` is one plain sentence for people; `body` is JSON-ready detail (decimals as text, no secrets).
    """

    name: str
    at: datetime
    level: Level = Level.INFO
    title: str
    signal: str = ""
    strategy: str = ""
    account: str = ""
    endpoint: str = ""
    symbol: str = ""
    request_id: str = ""
    body: dict[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], object]


@dataclass(frozen=True)
class Together:
    """A listener that takes all events of one `publish_all` at once, because one statement can serve them all."""

    listener: Callable[[Sequence[Event]], object]


_listeners: list[tuple[str, Listener | Together]] = []


def subscribe(pattern: str, listener: Listener | Together) -> None:
    """`pattern` is an event name, a prefix ending in `.*`, or `*`. Called by `tradeops.wiring` only."""
    if (pattern, listener) not in _listeners:
        _listeners.append((pattern, listener))


@cache
def matches(pattern: str, name: str) -> bool:
    return pattern in ("*", name) or (pattern.endswith(".*") and name.startswith(pattern[:-1]))


def publish(event: Event) -> None:
    """Runs every matching listener, in the order of `wiring`, in the caller's transaction; see `later` for when."""
    later.write(publish_all, [event])


def publish_all(events: Sequence[Event]) -> None:
    """As if each was published, but a listener hears all of its events before the next listener hears any."""
    names = {event.name for event in events}
    for pattern, listener in _listeners:
        if not any(matches(pattern, name) for name in names):
            continue
        heard = [event for event in events if matches(pattern, event.name)]
        if isinstance(listener, Together):
            if heard:
                listener.listener(heard)
        else:
            for event in heard:
                listener(event)
