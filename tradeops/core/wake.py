"""Waking up on somebody else's commit, without a task per row.

SQLite: `PRAGMA data_version` changes when another connection commits; a look costs microseconds, each 10 ms.
PostgreSQL: LISTEN; writers call `notify()` in their transaction, and name who need not sleep on: each waking costs a
process some tenths of a millisecond, and an order makes half a dozen commits.
"""

from __future__ import annotations

import atexit
import os
import select
import sqlite3
import time
from collections.abc import Sequence
from typing import Protocol

from django.conf import settings
from django.db import connection

from . import later, statements

# What anybody may wait for; new signals, for the drains; deliveries, for the relay senders; tasks, for the clusters.
CHANNEL, SIGNALS, RELAY, TASKS = "tradeops", "tradeops_signals", "tradeops_relay", "tradeops_tasks"
SQLITE_POLL_SECONDS = 0.01


def notify(channel: str = CHANNEL) -> None:
    """Tells listening processes at commit that there is work. On SQLite the commit itself tells."""
    if connection.vendor == "postgresql":
        later.write(_notify, [channel])


def _notify(channels: Sequence[str]) -> None:
    """Once for each: all notifications of a transaction are told together in any case."""
    for channel in dict.fromkeys(channels):
        statements.fetch("SELECT pg_notify(%s, '')", [channel])


class Watcher(Protocol):
    looks: bool  # it has to look for commits: `wait` is late by up to `SQLITE_POLL_SECONDS`

    def wait(self, seconds: float, *, bell: int | None = None) -> bool:
        """Blocks until a commit was seen (True) or `seconds` passed (False).

        `bell`: a descriptor; that it can be read ends the wait too, where the watcher does not have to look (False).
        """

    def close(self) -> None: ...


class SqliteWatcher:
    looks = True

    def __init__(self) -> None:
        self._connection = sqlite3.connect(settings.DATABASES["default"]["NAME"], timeout=5, check_same_thread=False)
        self._seen = self._version()

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def wait(self, seconds: float, *, bell: int | None = None) -> bool:
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

    looks = False

    def __init__(self, *channels: str) -> None:
        self._channels = channels or (CHANNEL,)
        self._listener = self._connect()

    def _connect(self) -> object:
        import psycopg

        parameters = connection.get_connection_params()
        for name in ("cursor_factory", "context", "prepare_threshold", "client_encoding"):
            parameters.pop(name, None)
        parameters["options"] = ""
        listener = psycopg.connect(**parameters, autocommit=True)
        for channel in self._channels:
            listener.execute(f"LISTEN {channel}")
        return listener

    def wait(self, seconds: float, *, bell: int | None = None) -> bool:
        import psycopg

        try:
            if bell is not None:
                found, _, _ = select.select([self._listener.fileno(), bell], [], [], seconds)  # type: ignore[attr-defined]
                if self._listener.fileno() not in found:  # type: ignore[attr-defined]
                    return False
                seconds = 0.0
            return any(True for _ in self._listener.notifies(timeout=seconds, stop_after=1))  # type: ignore[attr-defined]
        except psycopg.Error:
            time.sleep(min(seconds, 1))
            try:
                self._listener = self._connect()
            except psycopg.Error:
                return False
            return True

    def close(self) -> None:
        self._listener.close()  # type: ignore[attr-defined]


def watcher(*channels: str) -> Watcher:
    """Of these channels, on PostgreSQL; of any commit, on SQLite."""
    return PostgresWatcher(*channels) if connection.vendor == "postgresql" else SqliteWatcher()


_watchers: dict[tuple[int, tuple[str, ...]], Watcher] = {}


def of_this_process(*channels: str) -> Watcher:
    """One watcher of these channels for the life of a process, made after the fork; not for use by two threads."""
    pid = os.getpid()
    if (pid, channels) not in _watchers:
        for parents in [key for key in _watchers if key[0] != pid]:
            del _watchers[parents]
        _watchers[pid, channels] = watcher(*channels)
    return _watchers[pid, channels]


def _close_all() -> None:
    """At the end of the process that made them."""
    for (pid, _), made in list(_watchers.items()):
        if pid == os.getpid():
            made.close()
    _watchers.clear()


atexit.register(_close_all)
