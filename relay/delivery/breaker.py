"""The circuit breaker of each endpoint (L4): one that fails again and again is asked by one message at a time.

The row (EndpointState) is the truth, so that it survives restarts and every sender of every host keeps to it. This
module is the only writer of its breaker; `after` decides, without a database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import connection, transaction

from relay.models import Delivery, Endpoint, EndpointState
from tradeops.core import events, fsm, rows
from tradeops.core.events import Level

from .outcome import Outcome
from .undelivered import UNDELIVERED, unleased

CLOSED, OPEN, HALF_OPEN = EndpointState.Breaker.CLOSED, EndpointState.Breaker.OPEN, EndpointState.Breaker.HALF_OPEN

TRANSITIONS: fsm.Transitions = {
    CLOSED: frozenset({OPEN}),
    OPEN: frozenset({HALF_OPEN, CLOSED}),
    HALF_OPEN: frozenset({HALF_OPEN, OPEN, CLOSED}),  # to itself: the probe's sender died, another takes its place
}
OPENS_AFTER = 5  # failures in a row
# Seconds from a failure to the next probe: after the opening, after the first failed probe, and so on.
INTERVALS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


@dataclass(frozen=True, kw_only=True)
class State:
    """`probe_at`: OPEN, when the next message may go; HALF_OPEN, when the one that is on its way is given up."""

    breaker: str = CLOSED
    since: datetime | None = None
    failures: int = 0
    probe_at: datetime | None = None

    def room(self, free: int, *, now: datetime) -> int:
        """How many messages may go now, of the `free` that the endpoint has room for."""
        if self.breaker == CLOSED:
            return free
        return min(free, int(self.probe_at is None or self.probe_at <= now))


NEW = State()
_NAMES = ("endpoint_id", "breaker", "since", "failures", "probe_at")


def read(endpoints: Iterable[int], *, lock: bool = False) -> dict[int, State]:
    """By endpoint, of those that have a row; the others are `NEW`."""
    ids = list(endpoints)
    if not ids:
        return {}
    where = f"endpoint_id IN ({', '.join(['%s'] * len(ids))})"
    found = rows.select(EndpointState, *_NAMES, where=where, params=ids, lock=lock)
    return {
        endpoint: State(breaker=breaker, since=since, failures=failures, probe_at=probe_at)
        for endpoint, breaker, since, failures, probe_at in found
    }


def after(state: State, outcomes: Sequence[Outcome]) -> State:
    """The state that follows from these tries, in the order in which they ended."""
    if state.breaker == CLOSED and not state.failures and all(outcome.well for outcome in outcomes):
        return state
    for outcome in sorted(outcomes, key=lambda each: each.ended_at):
        state = _after_one(state, outcome)
    return state


def _after_one(state: State, outcome: Outcome) -> State:
    if outcome.well:
        if state.breaker == CLOSED:
            return replace(state, failures=0) if state.failures else state
        return State(breaker=CLOSED, since=outcome.ended_at)
    if state.since is not None and outcome.at < state.since:
        return state  # sent before the endpoint came to this state: it is known already that it was ill then
    if state.breaker == HALF_OPEN:
        return _opened(state, outcome, failures=state.failures + (outcome.well is False))
    if state.breaker == OPEN or outcome.well is None:
        return state
    failures = state.failures + 1
    return _opened(state, outcome, failures=failures) if failures >= OPENS_AFTER else replace(state, failures=failures)


def _opened(state: State, outcome: Outcome, *, failures: int) -> State:
    seconds = INTERVALS[min(max(failures - OPENS_AFTER, 0), len(INTERVALS) - 1)]
    if outcome.retry_after is not None:
        seconds = max(seconds, min(outcome.retry_after, INTERVALS[-1]))
    at = outcome.ended_at
    return State(breaker=OPEN, since=at, failures=failures, probe_at=at + timedelta(seconds=seconds))


def note(tries: Mapping[int, tuple[str, Sequence[Outcome]]]) -> bool:
    """Writes what these tries (endpoint → its slug and their outcomes) say. True if a breaker opened.

    Call it in a transaction. Of endpoints that are well and stay so it only reads.
    """
    known = read(tries)
    stir = [pk for pk, (_, outcomes) in tries.items() if after(known.get(pk, NEW), outcomes) != known.get(pk, NEW)]
    if not stir:
        return False
    began = min(outcome.at for pk in stir for outcome in tries[pk][1])
    rows.insert_new([EndpointState(endpoint_id=pk, since=began) for pk in stir if pk not in known])
    locked = read(sorted(stir), lock=True)
    opened = False
    for pk in sorted(stir):
        slug, outcomes = tries[pk]
        opened |= _move(pk, slug, locked[pk], after(locked[pk], outcomes), outcomes)
    return opened


def _move(endpoint: int, slug: str, old: State, new: State, outcomes: Sequence[Outcome]) -> bool:
    """True if it was closed and is open now."""
    if new == old:
        return False
    _write(endpoint, old, new)
    if new.breaker == old.breaker or new.since is None:
        return False
    if new.breaker == CLOSED:
        _recovered(endpoint, slug, at=new.since)
    elif old.breaker == CLOSED:
        worst = next(outcome for outcome in reversed(outcomes) if outcome.well is False)
        title = f"{slug} is down: {new.failures} tries in a row failed, the last: {worst.summary}"
        _tell("endpoint.down", slug, f"{title}. Its messages wait, one at a time asks.", Level.CRITICAL, new.since)
        return True
    return False


def _write(endpoint: int, old: State, new: State) -> None:
    if new.breaker != old.breaker:
        fsm.check(TRANSITIONS, current=old.breaker, target=new.breaker, what=f"the breaker of endpoint {endpoint}")
    row = EndpointState.objects.filter(endpoint_id=endpoint)
    since = {"since": new.since} if new.since is not None else {}
    row.update(breaker=new.breaker, failures=new.failures, probe_at=new.probe_at, **since)


def _recovered(endpoint: int, slug: str, *, at: datetime, by: str = "") -> None:
    """What waited for its next try does not wait any longer: the order of a lane is the claim's business."""
    waiting = Delivery.objects.filter(UNDELIVERED, unleased(at), endpoint_id=endpoint, due_at__gt=at)
    waiting.update(due_at=at)
    title = f"{by} closed the breaker of {slug}: messages go again" if by else f"{slug} takes messages again"
    _tell("endpoint.recovered", slug, title, Level.INFO, at)


def _tell(name: str, slug: str, title: str, level: Level, at: datetime) -> None:
    body = {"endpoint": slug}
    events.publish(events.Event(name=name, at=at, level=level, title=title[:300], endpoint=slug, body=body))


def probing(endpoints: Collection[int], *, until: Mapping[int, datetime], now: datetime) -> set[int]:
    """Those of the endpoints, OPEN or with a probe that never ended, whose next probe is the caller's to send.

    Call it in the transaction of the claim. `until` is when each probe is given up.
    """
    return {endpoint for endpoint in sorted(endpoints) if _half_open(endpoint, until[endpoint], now)}


def _half_open(endpoint: int, until: datetime, now: datetime) -> bool:
    at, ends = (connection.ops.adapt_datetimefield_value(moment) for moment in (now, until))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE relay_endpointstate SET breaker = 'HALF_OPEN', since = %s, probe_at = %s"
            " WHERE endpoint_id = %s AND breaker IN ('OPEN', 'HALF_OPEN') AND (probe_at IS NULL OR probe_at <= %s)",
            [at, ends, endpoint, at],
        )
        return cursor.rowcount == 1


def well(endpoint_id: int, at: datetime) -> bool:
    """A health check found it well: an open breaker lets its next message through now. False if it was not open.

    It closes by a message only: `/health` may answer where the webhook does not.
    """
    waiting = EndpointState.objects.filter(endpoint_id=endpoint_id, breaker=OPEN, probe_at__gt=at)
    return waiting.update(probe_at=at) == 1


def close(*, endpoint: Endpoint, by: str, now: datetime) -> bool:
    """The operator says that it is well. False if it was closed already."""
    with transaction.atomic():
        old = read([endpoint.pk], lock=True).get(endpoint.pk, NEW)
        if old.breaker == CLOSED:
            return False
        _write(endpoint.pk, old, State(breaker=CLOSED, since=now))
        _recovered(endpoint.pk, endpoint.slug, at=now, by=by)
    return True
