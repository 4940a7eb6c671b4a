"""Threads that set off at one moment, and come to write at about the same one: the first wait a little for the rest.

Each transaction has its price, and on one machine several at once wait for each other anyway. The orders of one signal
go to their venues side by side; claimed by one transaction, and booked by one, they take a third less statements.
"""

from __future__ import annotations

import contextvars
import threading
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

# Longer than the threads of a cohort take to come, and not worth speaking of beside a venue's answer.
SECONDS = 0.005


class Cohort:
    """`size` threads, each of which is a `member` or is told to have left."""

    def __init__(self, size: int, *, seconds: float = SECONDS) -> None:
        self._left, self._seconds = size, seconds
        self._changed = threading.Condition()
        self._here: Counter[Hashable] = Counter()
        self._rounds: Counter[Hashable] = Counter()

    @contextmanager
    def member(self) -> Iterator[None]:
        """`meet` in this thread means this cohort; at the end the others do not wait for it any more."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)
            self.leave()

    def leave(self) -> None:
        with self._changed:
            self._left -= 1
            for place in [place for place, count in self._here.items() if count]:
                self._go_on_if_all_are(place)

    def meet(self, place: Hashable) -> None:
        """Returns when all that are left have come to that place, or after a moment."""
        with self._changed:
            self._here[place] += 1
            present = self._rounds[place]
            self._go_on_if_all_are(place)
            if not self._changed.wait_for(lambda: self._rounds[place] != present, self._seconds):
                self._here[place] -= 1

    def _go_on_if_all_are(self, place: Hashable) -> None:
        if self._here[place] >= self._left:
            self._here[place] = 0
            self._rounds[place] += 1
            self._changed.notify_all()


_current: contextvars.ContextVar[Cohort | None] = contextvars.ContextVar("cohort", default=None)


def meet(place: Hashable) -> None:
    """Waits for the other members of this thread's cohort, if it is in one."""
    mine = _current.get()
    if mine is not None:
        mine.meet(place)
