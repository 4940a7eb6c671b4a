"""The one thread of a web process that commits messages, for all the threads that took one in.

So there are as many database connections as processes, however many senders are slow, and whoever arrives while a
commit is under way shares the next one. Where no writer runs (commands, tests), the caller commits its own message
itself, by the same code.
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


class Writer:
    """To be started after the fork, once in a process."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="intake-writer", daemon=True)
        self._thread.start()

    def take(self, entry: Entry) -> Outcome:
        """Raises what a layer or the database raised: nothing was stored; or Unavailable when it takes too long."""
        self._waiting.put(entry)
        if not entry.settled.acquire(timeout=PATIENCE_SECONDS):
            entry.abandoned = True
            raise Unavailable("the database does not answer in time; send it again")
        return entry.result()

    def stop(self) -> None:
        """Ends the thread after what waits before it."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while entries := self._next():
            try:
                commit.commit(entries)
            except BaseException as error:  # the thread must go on
                logger.exception("messages could not be stored", messages=len(entries))
                for entry in entries:
                    entry.error = entry.error or Unavailable(f"not stored: {type(error).__name__}")
            if any(isinstance(entry.error, DatabaseError) for entry in entries):
                _reconnect()
            for entry in entries:
                entry.settled.release()
        connection.close()

    def _next(self) -> list[Entry]:
        """Waits for one and takes what came with it, but for those who were told to send again; none = the end."""
        found: list[Entry] = []
        while not found:
            first = self._waiting.get()
            if first is None:
                return []
            found = [first]
            while len(found) < MOST_AT_ONCE:
                try:
                    more = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    self._waiting.put(None)
                    break
                found.append(more)
            found = [entry for entry in found if not entry.abandoned]
        return found


_writer: Writer | None = None


def start() -> None:
    """In a web process: messages are committed together from now on."""
    global _writer
    _writer = Writer()


def take(entry: Entry) -> Outcome:
    """Commits the entry, alone or with others. Raises as `Writer.take`."""
    if _writer is not None:
        return _writer.take(entry)
    commit.commit([entry])
    return entry.result()


def _reconnect() -> None:
    try:
        connection.close()
    except DatabaseError:
        connection.connection = None
    time.sleep(0.01)  # a database that refuses at once is not asked a hundred thousand times a second
