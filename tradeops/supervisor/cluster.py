"""django-q2's cluster, made to fail fast.

When one of its processes is killed, django-q2 starts another, but an idle worker dies holding the queue's lock:
later tasks never run and SIGTERM is ignored. So here an unexpected death ends the whole cluster with exit code 70,
and the supervisor starts a fresh one. Planned ends (recycling after so many tasks, a task over its time) go on as
upstream does them. The guard runs in the main process, so that there is one process to watch and to stop.
"""

from __future__ import annotations

import importlib
import os
import signal
import time
import uuid
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from types import FrameType
from typing import Any

from django.db import connections
from django_q.cluster import Sentinel
from django_q.conf import Conf
from django_q.scheduler import scheduler
from django_q.worker import worker

from tradeops.core import logs

from . import leash

logger = logs.get(__name__)
EXIT_CHILD_DIED = 70
_SCHEDULE_SECONDS = 30
_DRAIN_SECONDS = 8
_OVERDUE, _RECYCLED = 0, -2  # what django-q2 leaves in a worker's timer at a planned end


class ChildDied(Exception):
    pass


class Flag:
    """An event that a signal handler may set: multiprocessing's own would deadlock on its lock."""

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set


class FailFastSentinel(Sentinel):
    def __init__(self) -> None:
        self._processes: list[ForkProcess] = []
        super().__init__(Flag(), Flag(), uuid.uuid4(), start=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_event.set()

    def spawn_process(self, target: Callable[..., Any], *args: Any) -> ForkProcess:
        process = get_context("fork").Process(
            target=_in_child, args=(os.getpid(), target, args), name=f"Process-{uuid.uuid4().hex}", daemon=True
        )
        if target is worker:
            process.timer = args[2]  # type: ignore[attr-defined]
            self.pool.append(process)
        process.start()
        self._processes = [known for known in self._processes if known.is_alive()] + [process]
        return process

    def guard(self) -> None:
        self.start_event.set()
        next_schedule = time.monotonic() + _SCHEDULE_SECONDS
        while not self.stop_event.is_set():
            self.check()
            if Conf.SCHEDULER and time.monotonic() >= next_schedule:
                next_schedule = time.monotonic() + _SCHEDULE_SECONDS
                scheduler(broker=self.broker)
            time.sleep(Conf.GUARD_CYCLE)
        self.stop()

    def check(self) -> None:
        """Replaces workers that ended as planned. Raises ChildDied for any other death."""
        for name, process in (("monitor", self.monitor), ("pusher", self.pusher)):
            if not process.is_alive():
                raise ChildDied(f"the {name} died (exit code {process.exitcode})")
        for process in list(self.pool):
            # Without the timer's lock: a killed worker may have taken it along.
            timer = process.timer.get_obj().value
            if not process.is_alive():
                if timer not in (_OVERDUE, _RECYCLED):
                    raise ChildDied(f"a worker died (exit code {process.exitcode})")
                self.replace(process)
            elif -1 < timer <= _OVERDUE:
                # The task was told to end 3 s ago and does not. Less than zero: a float32 that is counted down
                # in steps of 0.2 passes zero without being it.
                logger.error("a worker is killed: its task did not end in time", pid=process.pid)
                process.kill()
                self.replace(process)
            elif timer > 0:
                process.timer.get_obj().value = timer - Conf.GUARD_CYCLE

    def replace(self, process: Any) -> None:
        self.pool.remove(process)
        connections.close_all()  # none may be shared with the new process
        self.spawn_worker()
        self.reincarnations += 1

    def stop(self) -> None:
        """Lets the work in hand end, for 8 s at most. A worker killed in between would let upstream wait for ever."""
        signal.signal(signal.SIGALRM, self._out_of_time)
        signal.alarm(_DRAIN_SECONDS)
        super().stop()
        signal.alarm(0)

    def _out_of_time(self, _number: int, _frame: FrameType | None) -> None:
        raise ChildDied(f"the work in hand did not end within {_DRAIN_SECONDS} s of the stop")

    def kill(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join()


def _in_child(parent: int, target: Callable[..., Any], args: tuple[Any, ...]) -> None:
    leash.die_with_parent(parent, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    target(*args)


def run(*, tasks: Sequence[str]) -> int:
    """Runs the cluster of `Q_CLUSTER_NAME` until SIGTERM or SIGINT. Returns the exit code: 0, or 70 after a death.

    The modules of `tasks` (dotted paths) are loaded before the workers are forked, so that no first task waits.
    """
    for task in tasks:
        importlib.import_module(task.rpartition(".")[0])
    sentinel = FailFastSentinel()
    try:
        sentinel.start()
    except ChildDied as death:
        logger.error("the cluster ends, to be started afresh", queue=Conf.CLUSTER_NAME, reason=str(death))
        sentinel.kill()
        return EXIT_CHILD_DIED
    return 0
