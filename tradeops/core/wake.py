"""Waking up on somebody else's commit, without a task per row.

SQLite: `PRAGMA data_version` changes when another connection commits; a look costs microseconds, each 10 ms.
PostgreSQL: LISTEN; writers call `notify()` in their transaction.
"""

from __future__ import annotations

import os
import sqlite3
import time
from typing import Protocol

from django.conf import settings
from django.db import connection

CHANNEL = "tradeops"
SQLITE_POLL_SECONDS = 0.01


def notify() -> None:
    """Tells listening processes at commit that there is work. On SQLite the commit itself tells."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


class Watcher(Protocol):
    def wait(self, seconds: float) -> bool:
        """Blocks until a commit was seen (True) or `seconds` passed (False)."""

    def close(self) -> None: ...


class SqliteWatcher:
    def __init__(self) -> None:
        self._connection = sqlite3.connect(settings.DATABASES["default"]["NAME"], timeout=5, check_same_thread=False)
        self._seen = self._version()

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while True:
            present = self._version()
            if present != self._seen:
                self._seen = present
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(SQLITE_POLL_SECONDS, left))

    def close(self) -> None:
        self._connection.close()


class PostgresWatcher:
    """A connection of its own; when it breaks, `wait` sleeps, reconnects and reports True (look, to be safe)."""

    def __init__(self) -> None:
        self._listener = self._connect()

    def _connect(self) -> object:
        import psycopg

        parameters = connection.get_connection_params()
        for name in ("cursor_factory", "context", "prepare_threshold", "client_encoding"):
            parameters.pop(name, None)
        parameters["options"] = ""
        listener = psycopg.connect(**parameters, autocommit=True)
        listener.execute(f"LISTEN {CHANNEL}")
        return listener

    def wait(self, seconds: float) -> bool:
        import psycopg

        try:
            seen = False
            for _ in self._listener.notifies(timeout=seconds, stop_after=1):  # type: ignore[attr-defined]
                seen = True
            return seen
        except psycopg.Error:
            time.sleep(min(seconds, 1))
            try:
                self._listener = self._connect()
            except psycopg.Error:
                return False
            return True

    def close(self) -> None:
        self._listener.close()  # type: ignore[attr-defined]


def watcher() -> Watcher:
    return PostgresWatcher() if connection.vendor == "postgresql" else SqliteWatcher()


_watchers: dict[int, Watcher] = {}


def of_this_process() -> Watcher:
    """One watcher for the life of a process, made after the fork; not for use by two threads."""
    pid = os.getpid()
    if pid not in _watchers:
        _watchers.clear()
        _watchers[pid] = watcher()
    return _watchers[pid]
