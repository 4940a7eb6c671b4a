"""A message row in words, and those words in Telegram's HTML."""

from __future__ import annotations

import html
from typing import Any

from relay.models import Message
from tradeops.core import clock
from tradeops.core.events import Level

from .base import NotifierMessage

ICONS = {Level.INFO: "🟢", Level.WARNING: "🟡", Level.ERROR: "🔴", Level.CRITICAL: "🚨"}
TELEGRAM_LIMIT = 4096  # UTF-16 code units, core.telegram.org/bots/api#sendmessage
MAX_DETAILS = 12


def of(message: Message) -> NotifierMessage:
    """What a person needs to judge it: who, what, and the event's own plain values (no nested data)."""
    named = (
        ("Strategy", message.strategy),
        ("Account", message.account),
        ("Symbol", message.symbol),
        ("Signal", message.signal),
    )
    own = [(name.replace("_", " ").capitalize(), _plain(value)) for name, value in message.body.items()]
    details = [(label, text) for label, text in (*named, *own) if text]
    return NotifierMessage(
        event=message.event,
        level=Level(message.level),
        title=message.title,
        at=message.created_at,
        details=tuple(details[:MAX_DETAILS]),
    )


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str | int) else ""


def telegram_html(message: NotifierMessage) -> str:
    """At most `TELEGRAM_LIMIT` long; what does not fit is cut line by line, so that no tag stays open."""
    lines = [f"{ICONS[message.level]} <b>{_escaped(message.title, 600)}</b>"]
    lines += [f"{_escaped(label, 40)}: <code>{_escaped(value, 300)}</code>" for label, value in message.details]
    closing = f"<i>{_escaped(message.event, 60)} · {clock.iso_ms(message.at)}</i>"
    kept: list[str] = []
    for line in lines:
        if _length("\n".join([*kept, line, closing])) <= TELEGRAM_LIMIT:
            kept.append(line)
    return "\n".join([*kept, closing])


def _escaped(text: str, longest: int) -> str:
    shown = text if len(text) <= longest else text[: longest - 1] + "…"
    return html.escape(shown, quote=False)


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
