"""One round of the watch, every few seconds by whoever holds the dispatcher's lease (I13).

It reads first and writes in one short transaction. Nothing is read or written while nothing is watched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from signals.models import Silence, WatchRound
from tradeops.core import events, heartbeat
from tradeops.core.events import Event, Level

from . import expiry, heard, silence
from .plan import Key, Plan, plan
from .silence import Downtime

EVERY_SECONDS = 5
# Without a round for so long nobody was there: the clocks of those that are watched begin anew.
GAP = timedelta(seconds=15)
TELL_DOWNTIME_FROM = timedelta(seconds=60)
TELL_DEAF_AFTER = timedelta(seconds=30)


@dataclass(frozen=True)
class _View:
    """What a round has read."""

    plan: Plan
    rows: dict[Key, Silence]
    heard: dict[Key, datetime]
    hears: bool  # a web process is alive
    router_behind: bool


def look(*, now: datetime) -> None:
    """Raises the database's errors; then nothing of the round was written and the next one does it."""
    present = plan()
    _warn_of_ends(present, now=now)
    if present.watched or Silence.objects.exists():
        _round(present, now=now)


def _warn_of_ends(present: Plan, *, now: datetime) -> None:
    due = expiry.due(present.ending, now=now)
    if due:
        with transaction.atomic():
            for ending, days in due:
                expiry.warn(ending, days, now=now)


def _round(present: Plan, *, now: datetime) -> None:
    last = WatchRound.objects.first() or WatchRound.objects.create(looked_at=now)
    before = last.looked_at
    view = _read(present, last, now=now)
    with transaction.atomic():
        # Whoever else may think that the lease is theirs: only one of two rounds at a time is written.
        mine = WatchRound.objects.filter(pk=last.pk, looked_at=before).update(looked_at=now)
        if not mine:
            return
        told = _watch(view, last, now=now)
        last.looked_at = now
        last.save()
        for event in told:
            events.publish(event)


def _read(present: Plan, last: WatchRound, *, now: datetime) -> _View:
    rows = silence.stored()
    if not rows:  # nothing was watched before: neither was there a downtime, nor is there old work to count
        last.looked_at, last.deaf_since, last.work_item = now, None, heard.last_work_item()
    found: dict[Key, datetime] = {}
    for watched in present.watched:
        if watched.kind == "source" and (at := heard.of_source(watched.pk)) is not None:
            found[watched.key] = at
    by_strategy, last.work_item = heard.of_strategies(after=last.work_item)
    found.update({("strategy", pk): at for pk, at in by_strategy.items()})
    return _View(
        plan=present,
        rows=rows,
        heard=found,
        hears=any(life.process == "web" and life.alive for life in heartbeat.lives(now=now)),
        router_behind=heard.router_is_behind(now=now),
    )


def _watch(view: _View, last: WatchRound, *, now: datetime) -> list[Event]:
    gap = Downtime(last.looked_at, now) if now - last.looked_at > GAP else None
    deaf = _deafness(view, last, now=now)
    # Of a gap and a time without a web process that has ended, the longer tells; neither is the sender's silence.
    down = deaf or gap
    told = _about_the_portal(view, down, last, now=now)
    wanted = {watched.key: watched for watched in view.plan.watched}
    gone = [row.pk for key, row in view.rows.items() if key not in wanted]
    if gone:
        Silence.objects.filter(pk__in=gone).delete()  # a state of the watch, not a ledger
    for key, watched in wanted.items():
        row = view.rows.get(key) or silence.begin(watched, now=now)
        cannot_tell = not view.hears or (watched.kind == "strategy" and view.router_behind)
        told += silence.judge(
            row, watched, heard_at=view.heard.get(key), down=down if row.pk else None, deaf=cannot_tell, now=now
        )
        row.save()
    return told


def _deafness(view: _View, last: WatchRound, *, now: datetime) -> Downtime | None:
    """The time without a web process, if it has just ended."""
    if not view.hears:
        last.deaf_since = last.deaf_since or now
        return None
    ended, last.deaf_since, last.deaf_told = last.deaf_since, None, False
    return Downtime(ended, now) if ended is not None else None


def _about_the_portal(view: _View, down: Downtime | None, last: WatchRound, *, now: datetime) -> list[Event]:
    names = [watched.slug for watched in view.plan.watched if watched.key in view.rows]
    if not names:
        return []
    if down is not None and down.until - down.since >= TELL_DOWNTIME_FROM:
        long = silence.duration(down.until - down.since)
        title = f"The portal did not listen for {long}: signals of that time may be lost. Silence counts from now on"
        return [_event("watch.resumed", Level.WARNING, title, names, now=now)]
    if last.deaf_since is not None and not last.deaf_told and now - last.deaf_since >= TELL_DEAF_AFTER:
        last.deaf_told = True
        title = "No web process of the portal is alive, so no signal can come in; senders are not blamed meanwhile"
        return [_event("watch.deaf", Level.CRITICAL, title, names, now=now)]
    return []


def _event(name: str, level: Level, title: str, names: list[str], *, now: datetime) -> Event:
    return Event(name=name, at=now, level=level, title=title, body={"watched": ", ".join(names)})
