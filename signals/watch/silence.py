"""Who was silent for longer than `expect_every`: told once, and once more when it speaks again (I13).

The state is in rows, so that a restart neither forgets nor repeats. `judge` is given what was heard and decides;
nothing here reads the clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from signals.models import Silence
from tradeops.core import clock, events
from tradeops.core.events import Event, Level

from .plan import Key, Watched


@dataclass(frozen=True)
class Downtime:
    """When the portal itself could hear nobody."""

    since: datetime
    until: datetime


def stored() -> dict[Key, Silence]:
    rows = Silence.objects.all()
    return {("source", row.source_id) if row.source_id else ("strategy", row.strategy_id or 0): row for row in rows}


def begin(watched: Watched, *, now: datetime) -> Silence:
    """Watched from now on: what was before is nobody's fault."""
    return Silence(**{f"{watched.kind}_id": watched.pk}, since=now)


def judge(
    row: Silence, watched: Watched, *, heard_at: datetime | None, down: Downtime | None, deaf: bool, now: datetime
) -> list[Event]:
    """Brings `row` up to date (unsaved) and returns what is to be told.

    `deaf`: it cannot be told now whether it is silent, since the portal itself does not hear.
    """
    told = []
    if heard_at is not None and (row.heard_at is None or heard_at > row.heard_at):
        row.heard_at = heard_at
        if row.silent_at is not None and heard_at > row.silent_at:
            told.append(_heard(row, watched, now=now))
            row.silent_at = None
        if row.down_until is not None and heard_at >= row.down_until:
            row.down_from = row.down_until = None
    if down is not None:
        row.since = down.until
        row.down_from, row.down_until = row.down_from or down.since, down.until
    if deaf or row.silent_at is not None:
        return told
    if now - max(row.since, row.heard_at or row.since) > watched.expect_every:
        row.silent_at = now
        told.append(_silent(row, watched, now=now))
    return told


def _silent(row: Silence, watched: Watched, *, now: datetime) -> Event:
    if row.heard_at is None:
        verb = "sent" if watched.kind == "source" else "got"
        title = f"{watched.name} has {verb} nothing since {_minute(row.since)}"
    else:
        title = f"{watched.name} has been silent for {duration(now - row.heard_at)}"
    title += f"; it is expected every {duration(watched.expect_every)}"
    if row.down_from is not None and row.down_until is not None:
        down = f"{_minute(row.down_from)} to {_minute(row.down_until)}"
        title += f". The portal itself was down from {down}, and what was sent then may be lost"
    return _event(row, watched, "silent", Level.CRITICAL, title, now=now)


def _heard(row: Silence, watched: Watched, *, now: datetime) -> Event:
    assert row.silent_at is not None
    title = f"{watched.name} is heard again, after {duration(now - row.silent_at)} of alarm"
    return _event(row, watched, "heard", Level.WARNING, title, now=now)


def _event(row: Silence, watched: Watched, what: str, level: Level, title: str, *, now: datetime) -> Event:
    body: dict[str, Any] = {
        watched.kind: watched.slug,
        "expect_every": int(watched.expect_every.total_seconds()),
        "last_signal": clock.iso_ms(row.heard_at) or "",
    }
    strategy = watched.slug if watched.kind == "strategy" else ""
    return events.Event(name=f"{watched.kind}.{what}", at=now, level=level, title=title, strategy=strategy, body=body)


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def duration(span: timedelta) -> str:
    """For people: `45 s`, `12 min`, `3 h 20 min`, `2 days`."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 120:
        return f"{minutes} min" + (f" {rest} s" if rest and minutes < 10 else "")
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h" + (f" {minutes} min" if minutes else "")
    return f"{hours // 24} days"
