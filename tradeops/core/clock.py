"""Time, always aware and always UTC. Domain functions take `now`; only edges call `now()`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

_source: Callable[[], datetime] | None = None


def now() -> datetime:
    return datetime.now(UTC) if _source is None else _source()


def run_by(source: Callable[[], datetime]) -> None:
    """From here on `now` is what `source` says, aware and UTC: for a process whose only work is to replay the past."""
    global _source
    _source = source


def iso_ms(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds, e.g. 2026-01-02T03:04:05.678Z; None stays None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def milliseconds_between(start: datetime, end: datetime) -> int:
    return round((end - start).total_seconds() * 1000)
