"""Message rows in words: one by itself, a storm of its like, or a digest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from relay.models import Message
from tradeops.core import clock
from tradeops.core.events import Level

from .base import NotifierMessage

ICONS = {Level.INFO: "🟢", Level.WARNING: "🟡", Level.ERROR: "🔴", Level.CRITICAL: "🚨"}
MAX_DETAILS = 12
MAX_KINDS = 30
MAX_NAMED = 5


def of(message: Message, *, id: str) -> NotifierMessage:
    """What a person needs to judge it: who, what, and the event's own plain values (no nested data)."""
    named = (
        ("Strategy", message.strategy),
        ("Account", message.account),
        ("Symbol", message.symbol),
        ("Signal", message.signal),
    )
    own = [(name.replace("_", " ").capitalize(), _plain(value)) for name, value in message.body.items()]
    details = [(label, text) for label, text in (*named, *own) if text]
    if message.event == "alarm.reminder":
        details = [(str(label), str(value)) for label, value in message.body["lines"]]
    return NotifierMessage(
        id=id,
        event=message.event,
        level=Level(message.level),
        title=message.title,
        at=message.created_at,
        details=tuple(details[:MAX_DETAILS]),
    )


def storm(messages: Sequence[Message], *, id: str) -> NotifierMessage:
    """All of one event: the first one's sentence, how many more, who they are about, the first and the last."""
    first, last = messages[0], messages[-1]
    details = [
        ("First", f"{clock.iso_ms(first.created_at)} {first.title}"),
        ("Last", f"{clock.iso_ms(last.created_at)} {last.title}"),
    ]
    for label, name in (("Strategies", "strategy"), ("Accounts", "account"), ("Symbols", "symbol")):
        counts: dict[str, int] = defaultdict(int)
        for message in messages:
            counts[getattr(message, name)] += 1
        counts.pop("", None)
        if counts:
            details.append((label, _counted(counts)))
    return NotifierMessage(
        id=id,
        event=first.event,
        level=_worst(messages),
        title=f"{first.title[:300]} – and {len(messages) - 1} more like it",
        at=last.created_at,
        details=tuple(details),
    )


def digest(messages: Sequence[Message], *, id: str) -> NotifierMessage:
    """What was held back, a line for each kind of event: how many, and the latest; the worst first."""
    kinds: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        kinds[message.event].append(message)
    ranked = sorted(kinds.items(), key=lambda kind: (-_worst(kind[1]).rank, -len(kind[1]), kind[0]))
    details = [
        (f"{ICONS[_worst(found)]} {len(found)} × {event}", f"{found[-1].created_at:%H:%M} UTC {found[-1].title}")
        for event, found in ranked[:MAX_KINDS]
    ]
    if len(ranked) > MAX_KINDS:
        rest = sum(len(found) for _, found in ranked[MAX_KINDS:])
        details.append(("and", f"{rest} more, of {len(ranked) - MAX_KINDS} kinds"))
    since = f"{messages[0].created_at:%Y-%m-%d %H:%M} UTC"
    return NotifierMessage(
        id=id,
        event="digest",
        level=_worst(messages),
        title=f"{len(messages)} messages since {since}",
        at=messages[-1].created_at,
        details=tuple(details),
    )


def cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _worst(messages: Sequence[Message]) -> Level:
    return max((Level(message.level) for message in messages), key=lambda level: level.rank)


def _counted(counts: dict[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name} ({count})" for name, count in ranked[:MAX_NAMED])
    return shown + (f" and {len(ranked) - MAX_NAMED} more" if len(ranked) > MAX_NAMED else "")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str | int) else ""
