"""What waits for other people's servers, in threads of this process: lanes side by side, each in its own order (X5).

A lane is an account and a symbol. So that a slow account or venue delays only itself, neither may have all of the
threads. A thread has a database connection; one that has had nothing to do for a while closes it and ends.
"""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from django.db import close_old_connections, connection, connections

from tradeops.core import logs

logger = logs.get(__name__)
T = TypeVar("T")
R = TypeVar("R")

MOST_OF_A_VENUE, MOST_OF_AN_ACCOUNT = 20, 8
# Of orders and of questions. PostgreSQL lets a hundred connections in, as it comes, and several processes share them.
MOST_THREADS = {"sqlite": (32, 8), "postgresql": (12, 4)}
IDLE_SECONDS = 5.0
FRESH_SECONDS = 1.0


@dataclass
class Task:
    """`lane` and `within` (account, venue …) are what it must not be alone with: one of a lane, so many of the rest."""

    work: Callable[[], object]
    lane: Hashable
    within: Sequence[tuple[Hashable, int]] = ()
    first: bool = False
    mates: Hashable = None  # those of the same are of one matter: `moved` is for when the last of them is done
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    done: threading.Event = field(default_factory=threading.Event)


class Lanes:
    def __init__(self, most: int, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self.most = most
        self._idle_seconds = idle_seconds
        lock = threading.Lock()
        self._changed, self._over = threading.Condition(lock), threading.Condition(lock)
        self._waiting: dict[Hashable, list[Task]] = {}  # by lane, in the order in which they are done
        self._at_work: Counter[Hashable] = Counter()
        self._open: Counter[Hashable] = Counter()  # by their mates
        self._threads = self._idle = self._finished = self._told = 0
        self.bell, self._hammer = os.pipe()  # `bell` can be read when `moved` would say so
        os.set_blocking(self.bell, False)
        os.set_blocking(self._hammer, False)

    def put(self, task: Task) -> Task:
        """Does it as soon as its lane, the others of its account and venue, and a thread allow."""
        with self._changed:
            lane = self._waiting.setdefault(task.lane, [])
            before = sum(other.first for other in lane) if task.first else len(lane)
            lane.insert(before, task)
            self._open[task.mates] += 1
            if self._idle < len(self._waiting) and self._threads < self.most:
                self._threads += 1
                threading.Thread(target=self._thread, name="lane", daemon=True).start()
            self._changed.notify()
        return task

    def busy(self) -> bool:
        with self._changed:
            return bool(self._waiting or self._at_work)

    def moved(self) -> bool:
        """Whether all that are of one matter were finished since this was last asked."""
        with self._changed:
            return self._moved()

    def wait(self, seconds: float) -> bool:
        """As `moved`, as soon as it is so, or after that time."""
        until = time.monotonic() + seconds
        with self._changed:
            while not (moved := self._moved()) and (left := until - time.monotonic()) > 0:
                self._over.wait(left)
            return moved

    def _moved(self) -> bool:
        moved, self._told = self._finished != self._told, self._finished
        if moved:
            with suppress(BlockingIOError):
                os.read(self.bell, 4096)
        return moved

    def _thread(self) -> None:
        used_at = float("-inf")
        try:
            while (task := self._next()) is not None:
                _check_connections(idle=time.monotonic() - used_at)
                self._do(task)
                used_at = time.monotonic()
        finally:
            connections.close_all()

    def _next(self) -> Task | None:
        """The next that may be done, exits first; None after a time without any."""
        until = time.monotonic() + self._idle_seconds
        with self._changed:
            self._idle += 1
            try:
                while (task := self._ready()) is None:
                    if not self._changed.wait(until - time.monotonic()) and time.monotonic() >= until:
                        self._threads -= 1
                        return None
                self._take(task)
                if self._idle > 1 and self._ready() is not None:  # each calls the next: not all of them for one task
                    self._changed.notify()
                return task
            finally:
                self._idle -= 1

    def _ready(self) -> Task | None:
        heads = [lane[0] for lane in self._waiting.values() if self._may_go(lane[0])]
        return next((task for task in heads if task.first), heads[0] if heads else None)

    def _may_go(self, task: Task) -> bool:
        return not self._at_work[task.lane] and all(self._at_work[group] < most for group, most in task.within)

    def _take(self, task: Task) -> Task:
        lane = self._waiting[task.lane]
        lane.remove(task)
        if not lane:
            del self._waiting[task.lane]
        self._at_work.update([task.lane, *(group for group, _ in task.within)])
        return task

    def _do(self, task: Task) -> None:
        try:
            task.context.run(task.work)
        except Exception:
            logger.exception("an order could not be worked on; the others go on")
        finally:
            with self._changed:
                self._at_work.subtract([task.lane, *(group for group, _ in task.within)])
                self._at_work += Counter()  # without what is zero
                self._open[task.mates] -= 1
                if task.mates is None or not self._open[task.mates]:
                    self._finished += 1
                    self._over.notify_all()
                    with suppress(BlockingIOError):  # it rings already
                        os.write(self._hammer, b".")
                self._open += Counter()
            task.done.set()


def _check_connections(*, idle: float) -> None:
    """A connection that was in use a moment ago is not asked whether it lives, unless something went wrong."""
    if idle > FRESH_SECONDS or any(one.errors_occurred for one in connections.all(initialized_only=True)):
        close_old_connections()


_lanes: dict[int, tuple[Lanes, Lanes]] = {}


def _of_this_process() -> tuple[Lanes, Lanes]:
    """Those of orders, and those of questions. Made after the fork: those of the parent would have no threads here."""
    pid = os.getpid()
    if pid not in _lanes:
        _lanes.clear()
        orders, questions = MOST_THREADS[connection.vendor]
        _lanes[pid] = Lanes(orders), Lanes(questions)
    return _lanes[pid]


def put(work: Callable[[], object], *, account: int, venue: Hashable, symbol: str, first: bool) -> Task:
    """`first`: before what waits, in its own lane too."""
    found = _of_this_process()[0]
    most = min(MOST_OF_A_VENUE, found.most - found.most // 4)
    within = ((("account", account), MOST_OF_AN_ACCOUNT), (("venue", venue), most))
    return found.put(Task(work, lane=(account, symbol), within=within, first=first, mates=symbol))


def bell() -> int:
    return _of_this_process()[0].bell


def busy() -> bool:
    return _of_this_process()[0].busy()


def moved() -> bool:
    return _of_this_process()[0].moved()


def wait(seconds: float) -> bool:
    return _of_this_process()[0].wait(seconds)


def each(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """What `function` gives for each, asked side by side, in the order of the items. Raises what the first raises.

    One of them is asked in the caller's own thread, so that a single one costs no thread.
    """
    given = list(items)
    answers: list[Future[R]] = [Future() for _ in given]

    def ask(number: int) -> None:
        try:
            answers[number].set_result(function(given[number]))
        except Exception as error:  # noqa: BLE001  (it is the caller's)
            answers[number].set_exception(error)

    for number in range(1, len(given)):
        _of_this_process()[1].put(Task(partial(ask, number), lane=object()))
    if given:
        ask(0)
    return [answer.result() for answer in answers]
