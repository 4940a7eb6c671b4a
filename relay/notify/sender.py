"""Telling people: every channel in a thread of its own, so that a failing one never delays another."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime

from django.db import connection

from relay.models import Channel
from tradeops.core import clock, logs
from tradeops.core.errors import ConfigurationError

from . import alarms, claim, registry, state, text
from .base import Destination, Notifier, NotifierError, NotifierFinal, NotifierMessage, NotifierTemporary
from .bundle import Form
from .claim import Taken

logger = logs.get(__name__)
BUDGET_SECONDS = 60.0  # under the cluster's time-out of 110 s
MAX_CHANNELS = 16
LOOK_SECONDS = 0.05
MEND_SECONDS = 60.0  # between two tries of a channel that a person must mend
COLLECT_SECONDS = 0.2  # between two batches of a channel: fewer commits, and nobody reads faster
LINGER_SECONDS = 2.0  # a drain that ended with each message would cost a task for the next one


def waiting(*, now: datetime) -> bool:
    """Whether there is a notification to send that nobody is sending, or a critical event that nobody has looked at."""
    return alarms.new() or (claim.due(now).exists() and bool(claim.channels(now)))


def drain(
    *, now: Callable[[], datetime] = clock.now, seconds: float = BUDGET_SECONDS, linger_seconds: float = 0.0
) -> int:
    """Sends what is due until nothing has come for `linger_seconds`, for `seconds` at most. Returns how many."""
    ends = time.monotonic() + seconds
    stays_until = time.monotonic() + linger_seconds
    running: dict[int, Future[int]] = {}
    total = 0
    with ThreadPoolExecutor(MAX_CHANNELS, thread_name_prefix="notify") as threads:
        while True:
            for channel in [channel for channel, work in running.items() if work.done()]:
                total += running.pop(channel).result()
            if time.monotonic() < ends:
                if alarms.new():
                    alarms.gather(now=now())
                for channel in claim.channels(now()):
                    if channel not in running and len(running) < MAX_CHANNELS:
                        running[channel] = threads.submit(_serve, channel, now, ends, linger_seconds)
            if running:
                stays_until = time.monotonic() + linger_seconds
                wait(running.values(), timeout=LOOK_SECONDS * 2, return_when=FIRST_COMPLETED)
            elif time.monotonic() < min(ends, stays_until):
                time.sleep(LOOK_SECONDS)
            else:
                return total


def _serve(channel_id: int, now: Callable[[], datetime], ends: float, linger_seconds: float) -> int:
    """Everything due of one channel, oldest first, until it fails for the time being. Returns how many were sent.

    It stays a while for more: opening a notifier anew (TLS and all) costs more than sending with an open one.
    """
    try:
        channel = Channel.objects.get(pk=channel_id)
        line = _Line(channel, now=now)
        stays_until = time.monotonic() + linger_seconds
        try:
            while time.monotonic() < ends:
                batch = claim.take(channel=channel, now=now())
                if batch:
                    if not line.work_off(batch):
                        break
                    stays_until = time.monotonic() + linger_seconds
                elif time.monotonic() >= stays_until:
                    break
                if linger_seconds:
                    time.sleep(COLLECT_SECONDS)
        finally:
            line.close()
    finally:
        connection.close()
    return line.sent


def tell_now(notification: int, *, now: Callable[[], datetime] = clock.now) -> None:
    """Sends this one at once, in the caller's thread, as a drain would: what came of it is in its row."""
    taken = claim.take_one(notification, now=now())
    if taken is not None:
        line = _Line(taken.lead.channel, now=now)
        try:
            line.work_off([taken])
        finally:
            line.close()


class _Line:
    """One channel and its open notifier."""

    def __init__(self, channel: Channel, *, now: Callable[[], datetime]) -> None:
        self.sent = 0
        self._channel = channel
        self._now = now
        self._closed = _closed(channel)
        self._notifier: Notifier | None = None

    def work_off(self, batch: list[Taken]) -> bool:
        """Sends a batch and writes what came of it. False when the channel needs a rest."""
        half_of_lease = time.monotonic() + claim.LEASE.total_seconds() / 2
        told: list[tuple[Taken, datetime]] = []
        trouble: tuple[Taken, NotifierError] | None = None
        while batch and trouble is None and time.monotonic() < half_of_lease:
            taken, batch = batch[0], batch[1:]
            error = self._try(taken)
            if error is None:
                told.append((taken, self._now()))
            elif isinstance(error, NotifierFinal) and not error.mend:
                claim.dead(taken.rows, error=str(error))
            else:
                trouble = taken, error
        claim.sent(told)
        self.sent += sum(len(taken.rows) for taken, _ in told)
        claim.give_back(batch)
        if told:
            state.succeeded(self._channel, now=self._now())
        if trouble is not None:
            self._rest(*trouble)
        return trouble is None

    def _rest(self, taken: Taken, error: NotifierError) -> None:
        """What failed for one would fail for the next: all of the channel waits."""
        mend = isinstance(error, NotifierFinal)
        wait = MEND_SECONDS if mend else claim.wait_after(taken.lead.tries)
        wait = max(wait, getattr(error, "retry_after", None) or 0.0)
        now = self._now()
        until = claim.later(taken, error=str(error), after=wait, now=now)
        state.failed(self._channel, reason=str(error), mend=mend, until=until, now=now)

    def _try(self, taken: Taken) -> NotifierError | None:
        """None when it was sent."""
        try:
            self._send(taken)
        except (NotifierFinal, NotifierTemporary) as error:
            return error
        except ConfigurationError as error:
            return NotifierFinal(str(error))
        except Exception:
            logger.exception("a notifier failed in a way it should not", channel=self._channel.slug)
            return NotifierTemporary("the notifier failed; see the log")
        return None

    def _send(self, taken: Taken) -> None:
        if self._closed:
            raise NotifierFinal(self._closed)
        if self._notifier is None:
            self._notifier = registry.notifier_for(self._channel.kind)
        self._notifier.send(_words(taken), to=Destination(self._channel.target, self._channel.secret))

    def close(self) -> None:
        if self._notifier is not None:
            self._notifier.close()


def _words(taken: Taken) -> NotifierMessage:
    name = f"ntf-{taken.lead.pk}"
    messages = [row.message for row in taken.rows]
    if len(messages) == 1:
        return text.of(messages[0], id=name)
    return (text.digest if taken.form is Form.DIGEST else text.storm)(messages, id=name)


def _closed(channel: Channel) -> str:
    if channel.retired_at is not None:
        return f"the channel {channel.slug} was retired"
    return "" if channel.active else f"the channel {channel.slug} is switched off"
