"""One drain: routes, decides and executes until nothing is left that nobody else is doing, then waits a little.

The rows are the truth; a django-q2 task only says when to look (DESIGN §3). A drain that ended with each signal
would cost a task and three commits for the next one, so it lingers: it watches for commits itself for a while.
"""

from __future__ import annotations

import time

import structlog

from signals.execution import runner
from signals.models import WorkItem
from tradeops.core import clock, logs, wake

from . import backlog, decide, route, work

logger = logs.get(__name__)
# Below django-q2's time-out for a task: a drain that is still busy then leaves the rest to the next one.
BUDGET_SECONDS = 15.0
# How long a drain stays for the next signal.
LINGER_SECONDS = 2.0
# How often it looks for what no commit announces: retries that are due, orders another worker left behind.
LOOK_SECONDS = 0.1


def drain(*, budget_seconds: float = BUDGET_SECONDS, linger_seconds: float = 0.0) -> int:
    """Returns how many signals, items and orders it moved."""
    deadline = time.monotonic() + budget_seconds
    moved, spare = _work_off(deadline)
    stay_until = min(deadline, time.monotonic() + linger_seconds)
    while time.monotonic() < stay_until and not spare:
        _wait_for_work(stay_until)
        progress, spare = _work_off(deadline)
        if progress:
            moved += progress
            stay_until = min(deadline, time.monotonic() + linger_seconds)
    return moved


def _work_off(deadline: float) -> tuple[int, bool]:
    """How much it moved, and whether this drain is one too many: another is at all that there was."""
    look_for_leftovers_at = time.monotonic()
    moved, spare = 0, False
    while time.monotonic() < deadline:
        there = work.there()
        routed = route.route(now=clock.now()) if there.signals else 0
        progress = routed or 0
        item = None
        if there.items or routed:
            progress += backlog.work_off()
            item = work.claim(now=clock.now())
        if item is not None:
            progress += 1
            _work(item)
        if there.orders and (item is None or time.monotonic() >= look_for_leftovers_at):
            # A steady stream of new signals must not starve what is older.
            progress += runner.run(now=clock.now())
            look_for_leftovers_at = time.monotonic() + 1.0
        if not progress:
            spare = routed is None
            break
        moved += progress
    return moved, spare


def _wait_for_work(until: float) -> None:
    """Returns when a signal has come, and otherwise after `LOOK_SECONDS`: most commits bring no work for this queue."""
    watcher = wake.of_this_process()
    look_at = min(until, time.monotonic() + LOOK_SECONDS)
    while (left := look_at - time.monotonic()) > 0:
        if watcher.wait(left) and route.unrouted():
            return


def _work(item: WorkItem) -> None:
    with structlog.contextvars.bound_contextvars(signal=item.signal_id, lane=item.lane):
        try:
            orders = decide.decide(item)
        except Exception as error:
            logger.exception("a signal could not be decided; it is tried again")
            work.failed(item, error, now=clock.now())
            return
        runner.send(orders)
