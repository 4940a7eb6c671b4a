"""A SQLite file beside the database, for what the processes of a host share and may lose: counters, places in a queue.

Nothing in it is durable (`synchronous=OFF`): what a power cut takes costs one window of a limit.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

NAP = 0.0005
# One connection for all threads of a process; not across a fork.
_opened: dict[tuple[str, int], sqlite3.Connection] = {}


def connection(path: str | Path, table: str, *, patience: float) -> sqlite3.Connection:
    """This process's connection to the file at `path`, made with `table` (CREATE TABLE IF NOT EXISTS) if it is new.

    To be called and used under a lock of the caller's. `patience`: seconds to wait for others; then
    sqlite3.OperationalError.
    """
    key = (str(path), os.getpid())
    if key not in _opened:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        _opened[key] = _open(path, table, deadline=time.monotonic() + patience, patience=patience)
    return _opened[key]


def _open(path: str | Path, table: str, *, deadline: float, patience: float) -> sqlite3.Connection:
    """SQLite does not wait for its lock when a new file changes to WAL (it would be a deadlock of two that both do),
    so of several processes that open it first all but one may be refused: they look again."""
    while True:
        file = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
        try:
            file.execute("PRAGMA journal_mode=WAL")
            file.execute("PRAGMA synchronous=OFF")
            file.execute(table)
            return file
        except sqlite3.DatabaseError as error:
            file.close()
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(NAP)
