"""How our pages write things: ages, amounts and status words."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tradeops.core import clock, money
from tradeops.core.colours import COLOURS

register = template.Library()

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


@register.filter
def age(moment: datetime | None) -> str:
    """`now`, `12 s`, `3 min`, `2 h`, `4 d`: how long ago."""
    if moment is None:
        return "never"
    seconds = int((clock.now() - moment).total_seconds())
    if seconds < 1:
        return "now"
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


@register.filter
def amount(value: Decimal | None) -> str:
    return money.plain(value) or ""


@register.filter
def clock_time(iso: str | None) -> str:
    """`14:30:00.123` of an ISO time."""
    return iso[11:23] if iso else ""


@register.filter
def badge(word: Any) -> SafeString:
    """A status word in its colour."""
    text = str(word or "")
    return (
        format_html('<span class="to-badge to-{}">{}</span>', COLOURS.get(text, "plain"), text)
        if text
        else SafeString()
    )


@register.filter
def duration(ms: int) -> str:
    """`+12 ms`, `+3.4 s`, `+2 min`: how long after the receipt."""
    if ms < 1000:
        return f"+{ms} ms"
    return f"+{ms / 1000:.1f} s" if ms < 120_000 else f"+{ms // 60_000} min"
