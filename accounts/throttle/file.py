"""Places in a SQLite file, for the processes of one host.

As the counters of `core.limits` it is not durable on purpose (`core.sqlite.beside`).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tradeops.core.sqlite import beside

from .limit import SHORTEST_SPAN, Place
from .store import Taken

PATIENCE, NAP = 5.0, 0.0005
_lock = threading.Lock()
os.register_at_fork(after_in_child=lambda: _lock._at_fork_reinit())  # type: ignore[attr-defined]
_TABLE = (
    "CREATE TABLE IF NOT EXISTS throttle (name TEXT PRIMARY KEY, places BLOB NOT NULL DEFAULT x'',"
    " full_at REAL NOT NULL DEFAULT 0, held REAL NOT NULL DEFAULT 0) WITHOUT ROWID"
)
_STORE = (
    "INSERT INTO throttle (name, places, full_at) VALUES (?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET places = excluded.places, full_at = excluded.full_at"
)
_HOLD = (
    "INSERT INTO throttle (name, held) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET held = max(held, excluded.held)"
)


@dataclass
class _State:
    """A limit's places, sorted, those that are still waited for among them."""

    place: Place
    past: list[float]
    full_at: float
    held: float

    def earliest(self) -> float:
        """When the next may be, after all that are taken."""
        place = self.place
        if place.interval > 0:
            return max(self.held, self.full_at + (place.cost - 1) * place.interval - place.window)
        if place.count == 0 or not self.past:
            return self.held
        return max(self.held, self.past[-1] + place.span, self._after(self.past))

    def _after(self, past: Sequence[float]) -> float:
        before = len(past) - self.place.count + self.place.cost - 1
        return past[before] + self.place.window if before >= 0 else 0.0

    def allowed(self, at: float, soonest: float, now: float) -> float:
        """The next moment from `soonest` on for the place at `at`, by those that were used and those that are taken for
        before then."""
        found = max(self.held, soonest)
        if not self.place.count:
            return found
        others = [moment for moment in self.past if moment != at]
        span = SHORTEST_SPAN
        while (next_one := self._free(others, found, span)) > found:
            found = next_one
            span = self.place.span if found > now + SHORTEST_SPAN else SHORTEST_SPAN
        return found

    def _free(self, others: Sequence[float], moment: float, span: float) -> float:
        before = others[: bisect_right(others, moment)]
        return max(self._after(before), before[-1] + span if before else 0.0)

    def add(self, at: float, now: float) -> None:
        if self.place.interval > 0:
            self.full_at = max(self.full_at, at) + self.place.cost * self.place.interval
        elif self.place.count:
            kept = bisect_left(self.past, now - 2 * self.place.window)
            self.past = [*self.past[kept:], *[at] * self.place.cost]

    def apart(self, at: float, moment: float) -> float:
        """`moment`, or the next one at which no other place is: a moment is all that tells places apart."""
        while moment != at and moment in self.past:
            moment += SHORTEST_SPAN
        return moment

    def move(self, at: float, new: float) -> None:
        self.past = sorted(new if moment == at else moment for moment in self.past)


class FileStore:
    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, places: Sequence[Place], *, longest: float) -> Taken:
        with self._alone() as file:
            states = [_state(file, place) for place in places]
            now = time.time()
            at = max([now, *(state.earliest() for state in states)])
            if at - now <= longest:
                for state in states:
                    state.add(at, now)
                    _keep(file, state)
        return Taken(at - now, at)

    def again(self, places: Sequence[Place], *, at: float) -> Taken:
        with self._alone() as file:
            states = [_state(file, place) for place in places]
            now = time.time()
            new = now
            while (later := max([new, *(state.allowed(at, new, now) for state in states)])) > new:
                new = later  # what one limit puts off has to be right for the others then
            self._move(file, states, at, new)
        return Taken(new - now, new)

    def used(self, places: Sequence[Place], *, at: float) -> None:
        with self._alone() as file:
            states = [_state(file, place) for place in places if place.count]
            now = time.time()
            for state in states:
                self._move(file, [state], at, state.apart(at, min(now, at + state.place.window)))

    def _move(self, file: sqlite3.Connection, states: Sequence[_State], at: float, new: float) -> None:
        for state in states:
            if state.place.count and at in state.past:
                state.move(at, new)
                _keep(file, state)

    def hold(self, names: Sequence[str], *, seconds: float) -> None:
        with self._alone() as file:
            file.executemany(_HOLD, [(name, time.time() + seconds) for name in names])

    @contextmanager
    def _alone(self) -> Iterator[sqlite3.Connection]:
        """A transaction of its own, whichever the process; short, so that waiting means looking again at once."""
        with _lock:
            file = self._file()
            _begin(file)
            try:
                yield file
            except BaseException:
                file.execute("ROLLBACK")
                raise
            file.execute("COMMIT")

    def _file(self) -> sqlite3.Connection:
        file = beside.connection(self._path, _TABLE, patience=PATIENCE)
        file.execute("PRAGMA busy_timeout=0")  # `_begin` looks again sooner than SQLite does
        return file


def _begin(file: sqlite3.Connection) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            file.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(NAP)


def _state(file: sqlite3.Connection, place: Place) -> _State:
    found = file.execute("SELECT places, full_at, held FROM throttle WHERE name = ?", (place.name,)).fetchone()
    places, full_at, held = found or (b"", 0.0, 0.0)
    return _State(place, list(array("d", places)), full_at, held)


def _keep(file: sqlite3.Connection, state: _State) -> None:
    file.execute(_STORE, (state.place.name, array("d", state.past).tobytes(), state.full_at))
