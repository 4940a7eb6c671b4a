"""The venue's time, told from this machine's steady clock, so that a wrong or stepping wall clock does no harm."""

from __future__ import annotations

import threading
import time

FRESH_SECONDS = 600.0


class VenueClock:
    """Milliseconds of the venue's clock. Unmeasured it is this machine's; shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset: float | None = None  # venue time minus our steady clock, in ms
        self._measured_at = 0.0

    def set(self, venue_ms: int) -> None:
        """`venue_ms` just arrived. Taking it as true *now* makes us late by the way back at most: an expiry that is
        counted from it comes too early, never too late."""
        with self._lock:
            self._measured_at = time.monotonic()
            self._offset = venue_ms - self._measured_at * 1000

    def forget(self) -> None:
        with self._lock:
            self._offset = None

    @property
    def fresh(self) -> bool:
        with self._lock:
            return self._offset is not None and time.monotonic() - self._measured_at < FRESH_SECONDS

    def now_ms(self) -> int:
        with self._lock:
            offset = self._offset
        return int(time.time() * 1000) if offset is None else int(time.monotonic() * 1000 + offset)
