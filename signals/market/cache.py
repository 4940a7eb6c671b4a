"""The one cache of market data in a process: one question at a time for each key, whoever asks, and its answer kept.

Nothing is old without saying so: quotes and bars bear their own time, and who reads them looks at it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

KEPT_SECONDS = 1.0
PATIENCE_SECONDS = 15.0
MOST = 2000

T = TypeVar("T")


@dataclass
class _Flight:
    answer: Future[Any]
    over_at: float = float("inf")


class Recent:
    """The last answers by key. `clock` in seconds, only going forward."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._flights: dict[Hashable, _Flight] = {}

    def get(self, key: Hashable, ask: Callable[[], T], *, keep: float = KEPT_SECONDS) -> T:
        """What `ask` says, or said to somebody less than `keep` seconds ago; what it raised too, for a second.

        Raises TimeoutError when somebody else's question has no answer in time.
        """
        flight, mine = self._board(key)
        if mine:
            kept = keep
            try:
                flight.answer.set_result(ask())
            except BaseException as error:  # noqa: BLE001  (whatever it is, those who wait must hear of it)
                kept = min(keep, KEPT_SECONDS)
                flight.answer.set_exception(error)
            flight.over_at = self._clock() + kept
        found: T = flight.answer.result(PATIENCE_SECONDS)
        return found

    def _board(self, key: Hashable) -> tuple[_Flight, bool]:
        with self._lock:
            found = self._flights.get(key)
            if found is not None and self._clock() < found.over_at:
                return found, False
            if len(self._flights) > MOST:
                now = self._clock()
                self._flights = {known: one for known, one in self._flights.items() if now < one.over_at}
            self._flights[key] = _Flight(Future())
            return self._flights[key], True

    def forget(self) -> None:
        """Without the lock: for a new process, whose parent may have held it."""
        self._lock = threading.Lock()
        self._flights = {}


recent = Recent()
forget = recent.forget
os.register_at_fork(after_in_child=forget)
