"""What came back to the load generator."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.connections import Connection
from benchmarks.figures import percentile

GIVE_UP_SECONDS = 30
LATE_MS = 3000


class Tally:
    """Rate and percentiles are of [begin, end), everything else of all answers."""

    def __init__(self, begin: float, end: float) -> None:
        self._begin, self._end = begin, end
        self._answers: dict[int, int] = {}
        self._ms: list[float] = []
        self._broken = self._late = 0
        self._longest = 0.0
        self._first = float("inf")
        self.last = time.perf_counter()

    def add(self, connection: Connection, status: int) -> None:
        """Status 0: the connection broke."""
        self.last = now = time.perf_counter()
        self._first = min(self._first, connection.sent_at)
        if status == 0:
            self._broken += 1
            return
        self._answers[status] = self._answers.get(status, 0) + 1
        ms = (now - connection.sent_at) * 1000
        self._longest = max(self._longest, ms)
        self._late += ms > LATE_MS
        if self._begin <= now < self._end:
            self._ms.append(ms)

    def result(self, *, unanswered: int) -> dict[str, Any]:
        began = max(self._begin, self._first)
        seconds = min(self._end, self.last) - began
        to_wall = time.time() - time.perf_counter()
        return {
            "answers": self._answers,
            "broken": self._broken,
            "unanswered": unanswered,
            "late": self._late,
            **{f"p{p}": percentile(self._ms, p) for p in (50, 95, 99)},
            "max": self._longest,
            "rate": len(self._ms) / seconds if seconds > 0 else 0.0,
            "seconds": seconds,
            "sent_first": self._first + to_wall,
            "answered_last": self.last + to_wall,
            "cpu_seconds": time.process_time(),
        }
