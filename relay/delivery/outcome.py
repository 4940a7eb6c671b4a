"""What came of one try."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Without `status_code` nothing came back, and `error` says what went wrong. `retry_after` is in seconds."""

    at: datetime
    ms: int
    status_code: int | None = None
    answer: str = ""
    error: str = ""
    retry_after: float | None = None

    @property
    def delivered(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300

    @property
    def ended_at(self) -> datetime:
        return self.at + timedelta(milliseconds=self.ms)

    @property
    def summary(self) -> str:
        return f"HTTP {self.status_code}" if self.status_code is not None else self.error
