"""One tender at a time looks what is due and puts each account's part to a thread: a slow venue delays only itself.

The lease says that somebody is at it; each duty has claims of its own, so two tenders for a moment do no harm. Each
venue (broker and address) has threads of its own: what hangs there takes none from the others.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tradeops.core import clock, failpoints, lease, logs

from .duties import DUTIES, Duty, venue_of

logger = logs.get(__name__)
NAME = "tend"
LOOK_SECONDS = 0.25
# Below django-q2's time-out for a task, with what is still under way then waited for.
BUDGET_SECONDS = 15.0
LAST_SECONDS = 5.0
# How long a tender stays with nothing to do: orders that rest are asked after about once a second.
LINGER_SECONDS = 3.0
_LEASE_SECONDS = 4.0
_RENEW_SECONDS = 1.0
# Threads for one venue, made as they are needed. At 0.15 s a job, 8 see to more than 20 accounts of exits and resting
# orders each second, and 6 compare hundreds a minute. One that hangs has a database connection: 14 at most for each
# venue that does not answer.
_PROMPT, _OTHERS = 8, 6


def waiting(*, now: datetime) -> bool:
    """Whether a tender would find something to do and none is at it. Nothing but one look where no account needs it."""
    return any(duty.due(now) for duty in DUTIES) and not lease.is_held(NAME, now=now)


class Tender:
    """`look` starts what is due and not under way. `start` puts a job to a thread."""

    def __init__(self, duties: Sequence[Duty], *, start: Callable[[Duty, Job], Future[None]]) -> None:
        self._duties = duties
        self._start = start
        self._under_way: dict[tuple[str, int], Future[None]] = {}

    def look(self, *, now: datetime) -> int:
        """Returns how many jobs it started."""
        started = 0
        self._under_way = {key: job for key, job in self._under_way.items() if not job.done()}
        for duty in self._duties:
            for account in duty.due(now):
                if (duty.name, account) not in self._under_way:
                    self._under_way[duty.name, account] = self._start(duty, Job(duty, account))
                    started += 1
        return started

    @property
    def busy(self) -> bool:
        return any(not job.done() for job in self._under_way.values())

    def wait(self, seconds: float) -> None:
        """What nobody has begun by then is left to the next tender: else a venue that hangs would have ever more."""
        for job in wait([job for job in self._under_way.values() if not job.done()], timeout=seconds).not_done:
            job.cancel()


@dataclass(frozen=True)
class Job:
    """One account's part of a duty."""

    duty: Duty
    account: int

    def __call__(self) -> None:
        try:
            self.duty.run(self.account, clock.now())
        except Exception:
            logger.exception("a duty could not be done; it is tried again", duty=self.duty.name, account=self.account)


def tend(*, budget_seconds: float = BUDGET_SECONDS, linger_seconds: float = LINGER_SECONDS) -> int:
    """Sees to accounts until nothing has been due for a while or the budget is over; returns how many jobs it began."""
    held = lease.acquire(name=NAME, seconds=_LEASE_SECONDS, now=clock.now())
    if held is None:
        return 0
    failpoints.reached("tend.after_claim")
    tender = Tender(DUTIES, start=_in_thread)
    try:
        return _serve(tender, held, budget_seconds=budget_seconds, linger_seconds=linger_seconds)
    finally:
        tender.wait(LAST_SECONDS)
        lease.release(held)


def _serve(tender: Tender, held: lease.Held, *, budget_seconds: float, linger_seconds: float) -> int:
    began = quiet_since = renewed_at = time.monotonic()
    jobs = 0
    while True:
        jobs += (started := tender.look(now=clock.now()))
        present = time.monotonic()
        if started or tender.busy:
            quiet_since = present
        if present - began >= budget_seconds or present - quiet_since >= linger_seconds:
            return jobs
        if present - renewed_at >= _RENEW_SECONDS:
            renewed_at = present
            if lease.acquire(name=NAME, seconds=_LEASE_SECONDS, now=clock.now()) != held:
                return jobs
        time.sleep(LOOK_SECONDS)


# Threads -----------------------------------------------------------------------------------------------------------

_pools: dict[tuple[int, str, bool], Executor] = {}


def _in_thread(duty: Duty, job: Job) -> Future[None]:
    return _of_this_process(venue_of(job.account), prompt=duty.prompt).submit(_with_connection, job)


def _with_connection(job: Callable[[], None]) -> None:
    """The thread's database connection ends with its job: there are many threads, and most of them wait."""
    try:
        job()
    finally:
        connection.close()


def _of_this_process(venue: str, *, prompt: bool) -> Executor:
    """Made after the fork: a pool of the parent would have no threads here."""
    pid = os.getpid()
    if any(owner != pid for owner, _, _ in _pools):
        _pools.clear()
    found = _pools.get((pid, venue, prompt))
    if found is None:
        threads, name = (_PROMPT, "tend-prompt") if prompt else (_OTHERS, "tend")
        found = _pools[pid, venue, prompt] = ThreadPoolExecutor(threads, thread_name_prefix=name)
    return found
