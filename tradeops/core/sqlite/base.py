"""SQLite for several writing processes: who waits for the lock looks again after a millisecond, not after a hundred.

SQLite's own busy handler sleeps longer each time, up to 100 ms. With a handful of processes that write a few hundred
short transactions a second, the lock then lies free most of the time while everybody sleeps, and one that is out of
luck runs into its time-out. So SQLite is told not to wait (`PRAGMA busy_timeout=0`, in settings), and the statement
that found the lock taken is tried again here until the connection's `timeout` has passed.

Only `BEGIN IMMEDIATE` and single statements outside a transaction can meet the lock, and neither has done anything
when it does: trying again is safe.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from django.db.backends.sqlite3 import base

SHORTEST_NAP, LONGEST_NAP = 0.0003, 0.0015
_looking = threading.Lock()
os.register_at_fork(after_in_child=lambda: _looking._at_fork_reinit())  # type: ignore[attr-defined]


@lru_cache(maxsize=1000)
def _question_marks(query: str) -> str:
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class PatientCursor(base.SQLiteCursorWrapper):
    def __init__(self, connection: sqlite3.Connection, *, patience: float) -> None:
        super().__init__(connection)
        self._patience = patience

    def convert_query(self, query: str, *, param_names: Any = None) -> str:
        """Django's own, kept for the texts that come again and again."""
        if param_names is None:
            return _question_marks(query)
        return super().convert_query(query, param_names=param_names)

    def execute(self, query: Any, params: Any = None) -> Any:
        try:
            return super().execute(query, params)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
        return self._wait_and_execute(query, params)

    def run(self, query: str, params: Sequence[Any]) -> None:
        """As `execute`, for a text that comes again and again: with %s for `params`, and without Django's checks."""
        try:
            sqlite3.Cursor.execute(self, _question_marks(query), params)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            self._wait_and_execute(query, params)

    def _wait_and_execute(self, query: Any, params: Any) -> Any:
        deadline = time.monotonic() + self._patience
        # One thread of a process looks, the others queue behind it: many that look only take each other's time.
        queued = _looking.acquire(timeout=self._patience)
        try:
            while True:
                try:
                    return super().execute(query, params)
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                        raise
                time.sleep(random.uniform(SHORTEST_NAP, LONGEST_NAP))  # noqa: S311  (so that nobody marches in step)
        finally:
            if queued:
                _looking.release()


class DatabaseWrapper(base.DatabaseWrapper):
    def create_cursor(self, name: str | None = None) -> Any:
        patience = float(self.settings_dict["OPTIONS"].get("timeout", 5.0))
        return self.connection.cursor(factory=partial(PatientCursor, patience=patience))
