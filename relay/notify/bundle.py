"""What goes into one message to a channel: each by itself, a storm as one, the held as a digest. Nothing here asks a
database or a clock, so that it can be tested at any moment.

A storm is more of one event in a minute than the channel's cap. It is told when it has paused for a moment, at the
latest after a minute, and while it lasts once a minute: so 1,000 events within a minute are one message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from relay.models import Notification

Held = Notification.Held
WINDOW = timedelta(seconds=60)
PAUSE = timedelta(seconds=5)
CRITICAL_WAITS = timedelta(seconds=10)  # what must be known is not held for a minute, even in a storm


class Form(Enum):
    SINGLE = "single"
    STORM = "storm"
    DIGEST = "digest"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """One notification that waits for its channel."""

    pk: int
    event: str
    created_at: datetime
    held: str = ""
    critical: bool = False


@dataclass(frozen=True)
class Told:
    """How many messages of an event the channel has sent within the last `WINDOW`, and when the last one."""

    count: int
    last_at: datetime


@dataclass(frozen=True)
class Bundle:
    form: Form
    members: tuple[int, ...]  # primary keys, oldest first; the first one leads


@dataclass(frozen=True)
class Plan:
    """`hold` are those that wait on, by the time at which to look at them again."""

    send: list[Bundle] = field(default_factory=list)
    hold: dict[datetime, list[int]] = field(default_factory=dict)


def plan(waiting: Sequence[Waiting], *, told: Mapping[str, Told], cap: int, now: datetime) -> Plan:
    """`waiting` are those that are due, and those held as a storm; oldest first."""
    result = Plan()
    held = [row.pk for row in waiting if row.held in (Held.QUIET, Held.DIGEST)]
    if held:
        result.send.append(Bundle(Form.DIGEST if len(held) > 1 else Form.SINGLE, tuple(held)))
    alike: dict[str, list[Waiting]] = defaultdict(list)
    for row in waiting:
        if row.held == Held.TEST:
            result.send.append(Bundle(Form.SINGLE, (row.pk,)))
        elif row.held not in (Held.QUIET, Held.DIGEST):
            alike[row.event].append(row)
    for event, rows in alike.items():
        _storm_or_not(result, rows, told.get(event), cap=cap, now=now)
    result.send.sort(key=lambda bundle: bundle.members[0])
    return result


def _storm_or_not(result: Plan, rows: list[Waiting], told: Told | None, *, cap: int, now: datetime) -> None:
    members = tuple(row.pk for row in rows)
    if not cap or (told.count if told else 0) + len(rows) <= cap:
        result.send.extend(Bundle(Form.SINGLE, (member,)) for member in members)
        return
    release = _release(rows, told)
    if release <= now:
        result.send.append(Bundle(Form.STORM if len(members) > 1 else Form.SINGLE, members))
    else:
        result.hold.setdefault(release, []).extend(members)


def _release(rows: list[Waiting], told: Told | None) -> datetime:
    first = min(row.created_at for row in rows)
    if told is not None:
        release = told.last_at + WINDOW
    else:
        release = min(first + WINDOW, max(row.created_at for row in rows) + PAUSE)
    if any(row.critical for row in rows):
        release = min(release, first + CRITICAL_WAITS)
    return release
