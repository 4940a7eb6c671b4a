"""Tells django-q2 when there is work: one drain task for a queue that has some, never a task for each item.

The rows are the truth and the tasks only say "look": losing one costs a sweep (250 ms), one too many costs an
empty look. Several dispatchers may run; the lease picks one, and the next takes over within 3 s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.conf import settings
from django.db import Error, connection
from django_q.models import OrmQ
from django_q.tasks import async_task

from tradeops.core import clock, heartbeat, lease, logs, wake

from .broker import Broker
from .chores import Chore, Chores

logger = logs.get(__name__)
NAME = "dispatcher"
SWEEP_SECONDS = 0.25
CANARY_SECONDS = 5
CANARY_TASK = "tradeops.supervisor.canary.sing"
_LEASE_SECONDS = 3
_RENEW_SECONDS = 1
_BETWEEN_LOOKS = 0.01  # a burst of commits makes one look, not one each
# While a drain is at work: it takes what comes by itself, and only what it leaves for longer needs another task.
_BETWEEN_LOOKS_AT_WORK = 0.05
# A task picked up longer ago than this no longer holds its slot: it is busy, and then a second one helps as far as
# there are workers, or it was killed, and then nothing else would bring the work forward before its lock expires.
_SLOT_SECONDS = 1.0
_PATIENCE = timedelta(seconds=0.1)


class Waiting(Protocol):
    def __call__(self, *, now: datetime) -> bool:
        """Cheap; False when there is no work, or all of it is leased by somebody."""


@dataclass(frozen=True)
class Queue:
    """`name`: the cluster that works it off; `task`: dotted path; `slots`: how many drain tasks at a time.

    `overdue`: what is asked instead of `waiting` while a task runs; `look_every`: seconds, for what may wait as long.
    """

    name: str
    waiting: Waiting
    task: str
    slots: int
    overdue: Waiting | None = None
    look_every: float = 0.0


class Tickets:
    """This dispatcher's unfinished tasks of one kind in one queue."""

    def __init__(self, *, queue: str, task: str, slots: int, arguments: tuple[str, ...] = ()) -> None:
        self._task = task
        self._arguments = arguments
        self._slots = slots
        self._broker = Broker(list_key=queue)
        self._retry = timedelta(seconds=_retry_seconds(queue))
        self._rows: list[int] = []
        self._running = False
        self._looked_at: datetime | None = None
        self._seen_waiting = False

    def free(self, *, now: datetime) -> bool:
        """True when another task may be enqueued: none is waiting to be picked up, and a slot is free.

        While one runs this looks rarely: a drain lingers and takes the next signal itself.
        """
        if self._running and self._looked_at is not None and now - self._looked_at < _PATIENCE:
            return False
        self._looked_at = now
        if not self._rows:
            self._running = False
            return True
        locks = dict(OrmQ.objects.filter(pk__in=self._rows).values_list("pk", "lock"))
        # The lock of a task that was picked up is the time of that plus `retry`.
        started = {row: lock - self._retry for row, lock in locks.items() if lock > now}
        self._rows = [row for row in self._rows if row in locks]
        self._running = bool(started)
        recent = [row for row, since in started.items() if (now - since).total_seconds() < _SLOT_SECONDS]
        return len(recent) < self._slots and len(started) == len(self._rows)

    @property
    def running(self) -> bool:
        return self._running

    def wanted(self, queue: Queue, *, now: datetime) -> bool:
        """Whether work waits that no running task is about to take.

        While one runs, work must be seen waiting twice.
        """
        if not self._running:
            self._seen_waiting = False
            return queue.waiting(now=now)
        before, self._seen_waiting = self._seen_waiting, (queue.overdue or queue.waiting)(now=now)
        return before and self._seen_waiting

    def enqueue(self) -> None:
        async_task(self._task, *self._arguments, q_options={"broker": self._broker})
        assert self._broker.last_row is not None
        self._rows.append(self._broker.last_row)


def _retry_seconds(queue: str) -> float:
    options: dict[str, Any] = settings.Q_CLUSTER
    return float(options["ALT_CLUSTERS"].get(queue, options).get("retry", options["retry"]))


class Dispatcher:
    """`look` is one turn: tasks for what waits, and every 5 s a canary for each queue."""

    def __init__(self, queues: Sequence[Queue], *, others: Sequence[str] = ()) -> None:
        """`others` are queues whose tasks somebody else enqueues: they get canaries, no more."""
        self._queues = [(queue, Tickets(queue=queue.name, task=queue.task, slots=queue.slots)) for queue in queues]
        self._canaries = [
            Tickets(queue=name, task=CANARY_TASK, slots=1, arguments=(name,))
            for name in dict.fromkeys([*(queue.name for queue in queues), *others])
        ]
        self._next_canary = float("-inf")
        self._looked_at: dict[str, datetime] = {}

    @property
    def at_work(self) -> bool:
        """Whether a drain was running when it was last looked at."""
        return any(tickets.running for queue, tickets in self._queues if queue.overdue is not None)

    def look(self, *, now: datetime) -> None:
        for queue, tickets in self._queues:
            if self._too_soon(queue, now=now):
                continue
            if tickets.free(now=now) and tickets.wanted(queue, now=now):
                tickets.enqueue()
        if time.monotonic() >= self._next_canary:
            self._next_canary = time.monotonic() + CANARY_SECONDS
            for canary in self._canaries:
                if canary.free(now=now):
                    canary.enqueue()

    def _too_soon(self, queue: Queue, *, now: datetime) -> bool:
        last = self._looked_at.get(queue.task)
        if last is not None and 0 <= (now - last).total_seconds() < queue.look_every:
            return True
        self._looked_at[queue.task] = now
        return False


def run(
    *, queues: Sequence[Queue], stopped: Callable[[], bool], chores: Sequence[Chore] = (), others: Sequence[str] = ()
) -> None:
    """Until `stopped()`. While another process holds the lease it waits; a database that fails is tried again."""
    started_at = clock.now()
    while not stopped():
        try:
            held = lease.acquire(name=NAME, seconds=_LEASE_SECONDS, now=clock.now())
            if held is None:
                time.sleep(SWEEP_SECONDS)
            else:
                dispatcher = Dispatcher(queues, others=others)
                _serve(held, dispatcher, chores=Chores(chores), stopped=stopped, started_at=started_at)
        except Error as error:
            logger.warning("the database does not answer; trying again", error=str(error))
            connection.close()
            time.sleep(SWEEP_SECONDS)


def _serve(
    held: lease.Held,
    dispatcher: Dispatcher,
    *,
    chores: Chores,
    stopped: Callable[[], bool],
    started_at: datetime,
) -> None:
    """Dispatches for as long as the lease is ours."""
    watcher = wake.watcher(wake.CHANNEL, wake.SIGNALS)
    renew_at = beat_at = time.monotonic()
    try:
        while not stopped():
            if time.monotonic() >= renew_at:
                renew_at = time.monotonic() + _RENEW_SECONDS
                if lease.acquire(name=NAME, seconds=_LEASE_SECONDS, now=clock.now()) != held:
                    logger.warning("another dispatcher has taken over", lease=NAME)
                    return
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + heartbeat.BEAT_SECONDS
                heartbeat.beat(process=NAME, started_at=started_at, now=clock.now())
            dispatcher.look(now=clock.now())
            chores.look(now=clock.now())
            time.sleep(_BETWEEN_LOOKS_AT_WORK if dispatcher.at_work else _BETWEEN_LOOKS)
            watcher.wait(SWEEP_SECONDS)
        lease.release(held)
    finally:
        watcher.close()
