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
def by_interest(rules: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The verdicts of a decision, those that failed first; `unset`: those that passed since nothing is set for them."""
    failed = [rule for rule in rules if rule["verdict"] != "PASS"]
    passed = [rule for rule in rules if rule["verdict"] == "PASS"]
    told = [rule for rule in passed if rule.get("value") is not None or rule.get("limit") is not None]
    return {"told": failed + told, "unset": [rule for rule in passed if rule not in told]}


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


@register.filter
def share(value: float | None) -> str:
    """`0.513` as `51 %`."""
    return "" if value is None else f"{value:.0%}".replace("%", " %")


@register.filter
def stamp(moment: datetime, layout: str) -> str:
    """In the zone that it bears; Django's own filter would show UTC."""
    return moment.strftime(layout)
