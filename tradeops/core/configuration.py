"""Caches of the configuration that every process refreshes within a second of a change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import F

from . import logs
from .models import ConfigurationVersion

logger = logs.get(__name__)

T = TypeVar("T")
CHECK_SECONDS = 0.5
KEEP_SECONDS = 0.3

_lock = threading.Lock()
_first = threading.Lock()
_seen = -1
_checked_at = float("-inf")
_forgotten = 0


def changed() -> None:
    """To be called in the transaction that changes configuration."""
    if not ConfigurationVersion.objects.filter(pk=1).update(version=F("version") + 1):
        ConfigurationVersion.objects.get_or_create(pk=1, defaults={"version": 1})
    forget()


def forget() -> None:
    """Makes this process look again at its next use, instead of within half a second."""
    global _checked_at, _forgotten
    _checked_at = float("-inf")
    # A version that was read in a transaction that rolled back may come again with another content.
    _forgotten += 1


def version() -> int:
    """The version, read from the database at most twice a second in each process."""
    global _seen, _checked_at
    if time.monotonic() - _checked_at < CHECK_SECONDS:
        return _seen
    # While one thread asks, the others go on with what is known: a database that hangs holds up one, not all.
    if _lock.acquire(blocking=_seen < 0):
        try:
            if time.monotonic() - _checked_at >= CHECK_SECONDS:
                row = ConfigurationVersion.objects.filter(pk=1).values_list("version", flat=True).first()
                _seen, _checked_at = row or 0, time.monotonic()
        finally:
            _lock.release()
    return _seen


class Cached(Generic[T]):
    """`Cached(load)()` is what `load()` gave for the present version of the configuration."""

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._version: tuple[int, int] | None = None
        self._value: T | None = None
        _all.append(self)

    def __call__(self) -> T:
        present = (_forgotten, version())
        if self._version != present:
            # The version is taken before the rows are read: a change in between makes one more load, not a stale cache.
            self._value, self._version = self._load(), present
        return self._value  # type: ignore[return-value]

    def kept(self) -> T:
        """As the keeper left it, without a look at the database; where no keeper runs, the same as a call."""
        if _keeper is None:
            return self()
        if self._version is None:
            self._load_first()
        return self._value  # type: ignore[return-value]

    def _load_first(self) -> None:
        """One thread loads, the others wait for it, and it keeps no connection: there may be hundreds of them."""
        with _first:
            if self._version is None:
                try:
                    self()
                finally:
                    if not connection.in_atomic_block:
                        connection.close()

    def refresh(self) -> None:
        """Loads again what is out of date, if it was ever asked for."""
        if self._version is not None:
            self()


_all: list[Cached[Any]] = []
_keeper: threading.Thread | None = None


def keep() -> None:
    """Starts the keeper: a thread that refreshes every cache in use, so that `kept` never waits for the database.

    For web processes, whose many threads should neither wait nor have a connection each.
    """
    global _keeper
    over = threading.Event()  # never, in a web process
    _keeper = threading.Thread(target=_keep, args=(over,), name="configuration-keeper", daemon=True)
    _keeper.start()


def _keep(over: threading.Event) -> None:
    answers = True
    while not over.wait(KEEP_SECONDS):
        try:
            for cached in _all:
                cached.refresh()
            answers = True
        except DatabaseError as error:
            if answers:
                logger.warning("the configuration is as it was: the database does not answer", error=str(error))
            answers = False
            connection.close()
        except Exception:
            logger.exception("the configuration could not be read; it is as it was")
    connection.close()
