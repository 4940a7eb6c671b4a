"""One drain: routes, decides and executes until nothing is left that nobody else is doing, then waits a little.

The rows are the truth; a django-q2 task only says when to look (DESIGN §3). A drain that ended with each signal
would cost a task and three commits for the next one, so it lingers: it watches for commits itself for a while.
"""

from __future__ import annotations

import time
from datetime import timedelta

import structlog

from signals.execution import runner
from signals.models import WorkItem
from tradeops.core import clock, logs, wake

from . import backlog, decide, route, work
from .route import Routed
from .work import There

logger = logs.get(__name__)
# Below django-q2's time-out for a task: a drain that is still busy then leaves the rest to the next one.
BUDGET_SECONDS = 15.0
# How long a drain stays for the next signal.
LINGER_SECONDS = 2.0
# How often it looks for what no commit announces: retries that are due, orders another worker left behind.
LOOK_SECONDS = 0.1
# An order that a signal has just made is on its way by whoever made it.
LEAVE = timedelta(seconds=0.05)
# An order that is through may free a lane, or none: a look for that costs half a dozen statements, so not after each.
PAUSE_SECONDS = 0.01
# How often it looks whether an order at a venue is through, while there are some on their way.
ANSWER_SECONDS = 0.01


def drain(*, budget_seconds: float = BUDGET_SECONDS, linger_seconds: float = 0.0) -> int:
    """Returns how many signals, items and orders it moved.

    It goes on while orders are on their way to a venue, and stays for their answers as long as its budget lasts.
    """
    deadline = time.monotonic() + budget_seconds
    moved, spare = _work_off(deadline)
    stay_until = min(deadline, time.monotonic() + linger_seconds)
    while (until := _until(stay_until, deadline, spare=spare and not moved)) > time.monotonic():
        _wait_for_work(until)
        progress, spare = _work_off(deadline)
        if progress:
            moved += progress
            stay_until = min(deadline, time.monotonic() + linger_seconds)
    return moved


def _until(stay_until: float, deadline: float, *, spare: bool) -> float:
    """`spare` goes home at once. One that has had something to do stays for the next: one drain was not enough."""
    if runner.busy():
        return deadline
    return 0.0 if spare else stay_until


def _work_off(deadline: float) -> tuple[int, bool]:
    """How much it moved, and whether this drain is one too many: another is at all that there was."""
    look_for_leftovers_at = time.monotonic()
    moved, spare = 0, False
    while time.monotonic() < deadline:
        there = work.there()
        routed, progress, item = take(there)
        if item is not None:
            progress += 1
            _work(item)
        if there.orders and (item is None or time.monotonic() >= look_for_leftovers_at):
            # A steady stream of new signals must not starve what is older.
            progress += runner.run(now=clock.now(), leave=LEAVE)
            look_for_leftovers_at = time.monotonic() + 1.0
        if not progress:
            spare = routed is None
            break
        moved += progress
    return moved, spare


def take(there: There) -> tuple[int | None, int, WorkItem | None]:
    """Routes, and leases the next item to this process: how many signals were routed (None: another router is at it),
    how much was moved by that, and the item."""
    routed = route.take(now=clock.now()) if there.signals else Routed(0)
    progress = routed.count or 0
    if routed.item is not None and work.may_go(routed.item, now=clock.now()):
        return routed.count, progress, routed.item
    if not there.items and not routed.count:
        return routed.count, progress, None
    progress += backlog.work_off()
    return routed.count, progress, work.claim(now=clock.now())


def _wait_for_work(until: float) -> None:
    """Returns when a signal has come or an order is through, and otherwise after `LOOK_SECONDS`.

    Most commits bring no work for this queue.
    """
    watcher = wake.of_this_process(wake.SIGNALS)
    until = min(until, time.monotonic() + LOOK_SECONDS)
    pause_until = time.monotonic() + PAUSE_SECONDS
    while (left := until - time.monotonic()) > 0:
        moved, committed = _wait(watcher, left)
        if committed and route.unrouted():
            return
        if moved:
            until = min(until, max(pause_until, time.monotonic()))


def _wait(watcher: wake.Watcher, seconds: float) -> tuple[bool, bool]:
    """Until orders are through, or somebody has committed: whether it was that."""
    if not runner.busy():
        return (True, False) if runner.moved() else (False, watcher.wait(seconds))
    if watcher.looks:  # between two looks the answers can be waited for
        return runner.wait(min(seconds, ANSWER_SECONDS)), watcher.wait(0)
    committed = watcher.wait(seconds, bell=runner.bell())
    return runner.moved(), committed


def _work(item: WorkItem) -> None:
    with structlog.contextvars.bound_contextvars(signal=item.signal_id, lane=item.lane):
        try:
            orders = decide.decide(item)
        except Exception as error:
            logger.exception("a signal could not be decided; it is tried again")
            work.failed(item, error, now=clock.now())
            return
        runner.start(orders)
