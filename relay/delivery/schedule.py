"""When to try again: 0, .5, 1, 2, 4, 8, 15, 30 seconds with jitter, then every 30, until the deadline (L3).

Every answer but 2xx and 410 is tried again until then, 3xx and 4xx too: the receiver's operator may be mending it,
and the same id on each try makes that safe. 410 says that there will never be anyone: the endpoint is disabled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from .outcome import Outcome

DELAYS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
JITTER = 0.2
# A receiver that comes back between the last scheduled try and the deadline still gets it.
LAST_CALL = timedelta(seconds=1)
# A group's leader that cannot be reached at all is found out soon: there is another one that can be asked.
LEADER_AGAIN = timedelta(seconds=1)

Jitter = Callable[[float, float], float]


@dataclass(frozen=True)
class Delivered:
    pass


@dataclass(frozen=True)
class Gone:
    pass


@dataclass(frozen=True)
class Retry:
    at: datetime


@dataclass(frozen=True)
class GiveUp:
    reason: str


Verdict = Delivered | Gone | Retry | GiveUp


def judge(outcome: Outcome, *, tries: int, expires_at: datetime, jitter: Jitter) -> Verdict:
    """What follows from the `tries`-th try. `jitter(low, high)` draws a factor, as random.uniform does."""
    if outcome.delivered:
        return Delivered()
    if outcome.status_code == 410:
        return Gone()
    at = next_try(tries=tries, ended_at=outcome.ended_at, retry_after=outcome.retry_after, jitter=jitter)
    if at < expires_at:
        return Retry(at)
    last = expires_at - LAST_CALL
    if last - outcome.ended_at >= LAST_CALL:
        return Retry(last)
    return GiveUp(f"the deadline passed after {tries} {'try' if tries == 1 else 'tries'}; the last: {outcome.summary}")


def next_try(*, tries: int, ended_at: datetime, retry_after: float | None, jitter: Jitter) -> datetime:
    delay = DELAYS[min(tries, len(DELAYS) - 1)] * jitter(1 - JITTER, 1 + JITTER)
    return ended_at + timedelta(seconds=max(delay, retry_after or 0.0))
