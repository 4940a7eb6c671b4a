"""kill -9 at random: the processes of the trade cluster, the dispatcher, the web server."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks import cpu

# Who dies how often; a worker that does the work most of all.
_VICTIMS = {
    "trade worker": 6,
    "trade cluster": 2,
    "trade monitor": 1,
    "trade pusher": 1,
    "dispatcher": 4,
    "web worker": 4,
    "web server": 2,
}


class Killer:
    """`with Killer(supervisor) as killer:` kills every `mean_seconds` on average, independently of what goes on."""

    def __init__(self, supervisor: int, *, mean_seconds: float, seed: int) -> None:
        self._supervisor = supervisor
        self._mean = mean_seconds
        self._random = random.Random(seed)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.killed: Counter[str] = Counter()

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        wait = self._mean / 2  # the first, so that a short run has one
        while not self._end.wait(wait):
            wait = self._random.expovariate(1 / self._mean)
            kind = self._random.choices(list(_VICTIMS), list(_VICTIMS.values()))[0]
            found = _FIND[kind](self._supervisor)
            if found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._random.choice(found), signal.SIGKILL)
                    self.killed[kind] += 1


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def programs(supervisor: int, ending: str) -> list[int]:
    """The supervisor's own children whose command ends so; none between two lives."""
    return [pid for pid in children(supervisor) if _command(pid).endswith(ending)]


def children(pid: int) -> list[int]:
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += [int(child) for child in listing.read_text().split()]
    return found


def _clusters(supervisor: int) -> list[int]:
    return programs(supervisor, "cluster --queue trade")


def _in_cluster(wanted: Callable[[str], bool]) -> Callable[[int], list[int]]:
    def find(supervisor: int) -> list[int]:
        below = [pid for main in _clusters(supervisor) for pid in cpu.tree(main)[1:]]
        return [pid for pid in below if wanted(_command(pid))]

    return find


def _web(supervisor: int) -> list[int]:
    return [pid for pid in children(supervisor) if "granian" in _command(pid)]


_FIND: dict[str, Callable[[int], list[int]]] = {
    # Titles as django-q2 sets them: "… monitor", "… pusher", and of a worker what it does.
    "trade worker": _in_cluster(lambda title: not title.endswith(("monitor", "pusher"))),
    "trade cluster": _clusters,
    "trade monitor": _in_cluster(lambda title: title.endswith("monitor")),
    "trade pusher": _in_cluster(lambda title: title.endswith("pusher")),
    "dispatcher": lambda supervisor: programs(supervisor, "manage.py dispatcher"),
    "web server": _web,
    "web worker": lambda supervisor: [pid for main in _web(supervisor) for pid in children(main)],
}


def until_back(supervisor: int, *, seconds: float) -> bool:
    """Whether every program runs again within so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if all(_FIND[kind](supervisor) for kind in ("trade worker", "dispatcher", "web worker")):
            return True
        time.sleep(0.1)
    return False
