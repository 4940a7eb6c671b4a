"""What the endpoints made of a signal, for a sender that waits for it (L6).

The request's thread only waits. One observer in each web process looks for all that wait: at each commit, and each
25 ms where a commit announces nothing, in two queries however many they are. Where no observer was started (commands,
tests), the caller looks itself, by the same code. Call it with no transaction open, after the signal is committed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from relay import selectors as relay
from relay.selectors import Progress
from signals.models import Signal, Source
from tradeops.core import logs, wake

from .sources import Sender

logger = logs.get(__name__)

LOOK_SECONDS = 0.025
_UNDECIDED = (Signal.Status.RECEIVED, Signal.Status.PROCESSING)


@dataclass(frozen=True, kw_only=True)
class Relayed:
    """How many endpoints the signal was for, and how many have it. Not `decided`: nobody knows yet."""

    decided: bool = False
    progress: Progress = field(default_factory=Progress)

    @property
    def pending(self) -> bool:
        """Whether a later look may see more."""
        return not self.decided or self.progress.open > 0

    @property
    def refused(self) -> bool:
        """None took it, and each that was to take it was tried in vain. A slow one is not counted out."""
        return self.decided and 0 < self.progress.endpoints == self.progress.failed

    def fields(self) -> dict[str, Any]:
        """What the answer says besides I9."""
        return {
            "delivered": self.progress.delivered,
            "endpoints": self.progress.endpoints,
            "pending": self.pending,
        }

    def http_status(self, otherwise: int) -> int:
        """502 if none took it, else `otherwise` (201, or 200 for a duplicate)."""
        return 502 if self.refused else otherwise


def awaits(sender: Sender | None) -> bool:
    """Whether the source's answers wait. Never for TradingView, which cancels after 3 s and resends on a 5xx."""
    return sender is not None and sender.row.respond == Source.Respond.DELIVERY and not sender.tradingview


def outcome(signal_public_id: str, *, seconds: float | None = None) -> Relayed:
    """What is known as soon as every endpoint has answered for good, at the latest after `seconds` (2).

    Never raises for the database: the signal is stored, so its sender gets what was seen last.
    """
    waiter, seconds = _Waiter(signal_public_id), settings.RESPOND_SECONDS if seconds is None else seconds
    if _observer is not None:
        _observer.see_to(waiter, seconds=seconds)
    else:
        _look_until_settled(waiter, seconds=seconds)
    return waiter.seen


@dataclass(eq=False)
class _Waiter:
    signal: str
    seen: Relayed = field(default_factory=Relayed)
    settled: threading.Event = field(default_factory=threading.Event)


def _look(waiters: Iterable[_Waiter]) -> None:
    """Shows each waiter the present state. Raises the database's errors."""
    waiting: dict[str, list[_Waiter]] = {}  # a duplicate may wait beside its original
    for waiter in waiters:
        waiting.setdefault(waiter.signal, []).append(waiter)
    states = Signal.objects.filter(public_id__in=list(waiting)).values_list("public_id", "status")
    decided = [public_id for public_id, status in states if status not in _UNDECIDED]
    progress = relay.progress(decided)
    for public_id in decided:
        seen = Relayed(decided=True, progress=progress.get(public_id, Progress()))
        for waiter in waiting[public_id]:
            waiter.seen = seen
            if not seen.pending:
                waiter.settled.set()


def _look_until_settled(waiter: _Waiter, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    watcher = wake.watcher(wake.CHANNEL, wake.RELAY)
    try:
        while True:
            try:
                _look([waiter])
            except DatabaseError as error:
                logger.warning("the outcome of a relay is not known: the database does not answer", error=str(error))
            left = deadline - time.monotonic()
            if waiter.settled.is_set() or left <= 0:
                return
            watcher.wait(min(left, LOOK_SECONDS))
    finally:
        watcher.close()


class _Observer:
    """One thread, and on PostgreSQL one LISTEN, made when the first sender waits."""

    def __init__(self) -> None:
        self._waiting: list[_Waiter] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ended = False

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def see_to(self, waiter: _Waiter, *, seconds: float) -> None:
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="intake-respond", daemon=True)
                self._thread.start()
            self._waiting.append(waiter)
            self._changed.notify()
        try:
            waiter.settled.wait(seconds)
        finally:
            with self._changed:
                self._waiting.remove(waiter)

    def _run(self) -> None:
        watcher: wake.Watcher | None = None
        while waiting := self._next():
            try:
                watcher = watcher or wake.watcher(wake.CHANNEL, wake.RELAY)
                _look(waiting)
                watcher.wait(LOOK_SECONDS)
            except Exception:  # the thread must outlive whatever the database does
                logger.exception("senders wait without an outcome: the database does not answer")
                connection.close()
                time.sleep(0.1)
        if watcher is not None:
            watcher.close()
        connection.close()

    def _next(self) -> list[_Waiter]:
        """Those that wait; sleeps while there are none. Empty = the end."""
        with self._changed:
            while not self._waiting and not self._ended:
                self._changed.wait()
            return list(self._waiting)


_observer: _Observer | None = None


def start() -> None:
    """Once in each web process, after the fork."""
    global _observer
    _observer = _Observer()


def stop() -> None:
    """Ends the observer, which tests start; from now on the callers look themselves."""
    global _observer
    ended, _observer = _observer, None
    if ended is not None:
        ended.end()
