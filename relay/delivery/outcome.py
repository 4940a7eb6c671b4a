"""What came of one try."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

# Temporary though they are 4xx: the receiver does not blame the message, it has no time for any.
BUSY = frozenset({408, 425, 429})


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Without `status_code` nothing came back, and `error` says what went wrong. `retry_after` is in seconds.

    `reached` is False where the receiver certainly saw nothing of it; `ours` where the fault was the portal's own.
    """

    at: datetime
    ms: int
    status_code: int | None = None
    answer: str = ""
    error: str = ""
    retry_after: float | None = None
    reached: bool = True
    ours: bool = False

    @property
    def delivered(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300

    @property
    def unknown(self) -> bool:
        """The receiver may have acted on it, and did not say: no answer, or a 5xx."""
        return self.reached and (self.status_code is None or self.status_code >= 500)

    @property
    def well(self) -> bool | None:
        """What it says of the endpoint: True it works, False it does not, None nothing.

        An answer that blames the message (most 4xx) is that of a receiver that works. A redirect is not: every
        message would get one.
        """
        if self.ours:
            return None
        if self.status_code is None or self.status_code in BUSY:
            return False
        return 200 <= self.status_code < 300 or 400 <= self.status_code < 500

    @property
    def ended_at(self) -> datetime:
        return self.at + timedelta(milliseconds=self.ms)

    @property
    def summary(self) -> str:
        return f"HTTP {self.status_code}" if self.status_code is not None else self.error
