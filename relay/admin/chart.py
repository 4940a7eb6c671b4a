"""An endpoint's last 24 hours as bars, one for ten minutes: how long its slowest check took, or that one failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from relay.models import HealthCheck

BUCKET = timedelta(minutes=10)
BUCKETS = 144
STEP, HEIGHT, LEAST = 5, 100, 2  # in the drawing's own units


@dataclass(frozen=True)
class Bar:
    x: int
    y: int
    height: int
    tone: str  # good, bad, off (it answered, and had no /health)
    words: str


@dataclass(frozen=True)
class Chart:
    bars: list[Bar]
    top_ms: int
    width: int = BUCKETS * STEP
    height: int = HEIGHT


def latency(checks: Sequence[HealthCheck], *, now: datetime) -> Chart:
    """A failed bucket is a bar of full height, whatever it took: it is what one looks for. Empty ones have no bar."""
    buckets: dict[int, list[HealthCheck]] = {}
    for check in checks:
        number = BUCKETS - 1 - int((now - check.at) / BUCKET)
        if 0 <= number < BUCKETS:
            buckets.setdefault(number, []).append(check)
    top = max((check.ms for each in buckets.values() for check in each if check.ok is not False), default=0)
    return Chart([_bar(number, each, top) for number, each in sorted(buckets.items())], top)


def _bar(number: int, checks: list[HealthCheck], top: int) -> Bar:
    failed = [check for check in checks if check.ok is False]
    slowest = max(check.ms for check in checks)
    height = HEIGHT if failed else max(LEAST, round(HEIGHT * slowest / top) if top else LEAST)
    tone = "bad" if failed else "good" if all(check.ok for check in checks) else "off"
    said = f"{len(failed)} of {len(checks)} failed: {failed[-1].error}" if failed else f"{slowest} ms at most"
    return Bar(number * STEP, HEIGHT - height, height, tone, f"{checks[0].at:%H:%M} UTC: {said}")
