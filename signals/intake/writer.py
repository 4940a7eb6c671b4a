"""The one thread of a web process that commits messages, for all the threads that took one in.

So there are as many database connections as processes, however many senders are slow, and whoever arrives while a
commit is under way shares the next one. Where the thread does not run (commands, tests), the caller commits its own
message itself, by the same code.
"""

from __future__ import annotations

import queue
import threading
import time

from django.db import Error as DatabaseError
from django.db import connection

from tradeops.core import logs
from tradeops.core.errors import Unavailable

from . import commit
from .entry import Entry, Outcome

logger = logs.get(__name__)

MOST_AT_ONCE = 64
# An answer comes within 2 s even if the database hangs. TradingView then sends again; if the first was committed
# after all, it is a DUPLICATE of the same signal.
PATIENCE_SECONDS = 1.7

_waiting: queue.SimpleQueue[Entry] = queue.SimpleQueue()
_thread: threading.Thread | None = None


def take(entry: Entry) -> Outcome:
    """Commits the entry. Raises what a layer or the database raised: then nothing was stored."""
    if _thread is None:
        commit.commit([entry])
        return entry.result()
    _waiting.put(entry)
    if not entry.settled.acquire(timeout=PATIENCE_SECONDS):
        entry.abandoned = True
        raise Unavailable("the database does not answer in time; send it again")
    return entry.result()


def start() -> None:
    """Once in each web process, after the fork."""
    global _thread
    _thread = threading.Thread(target=_run, name="intake-writer", daemon=True)
    _thread.start()


def _run() -> None:
    while True:
        entries = _next()
        try:
            commit.commit(entries)
        except BaseException as error:
            logger.exception("messages could not be stored", messages=len(entries))
            for entry in entries:
                entry.error = entry.error or Unavailable(f"the messages could not be stored: {type(error).__name__}")
        finally:
            if any(isinstance(entry.error, DatabaseError) for entry in entries):
                _reconnect()
            for entry in entries:
                entry.settled.release()


def _next() -> list[Entry]:
    """Waits for one, and takes what came with it. Who was told to send again is not stored."""
    found: list[Entry] = []
    while not found:
        found = [_waiting.get()]
        while len(found) < MOST_AT_ONCE:
            try:
                found.append(_waiting.get_nowait())
            except queue.Empty:
                break
        found = [entry for entry in found if not entry.abandoned]
    return found


def _reconnect() -> None:
    try:
        connection.close()
    except DatabaseError:
        connection.connection = None
    time.sleep(0.01)  # a database that refuses at once is not asked a hundred thousand times a second
