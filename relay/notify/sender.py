"""Telling people: every channel in a thread of its own, so that a failing one never delays another."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime

from django.db import connection

from relay.models import Channel, Notification
from tradeops.core import clock, logs
from tradeops.core.errors import ConfigurationError

from . import claim, registry, text
from .base import Notifier, NotifierFinal, NotifierTemporary

logger = logs.get(__name__)
BUDGET_SECONDS = 60.0  # under the cluster's time-out of 110 s
MAX_CHANNELS = 16
LOOK_SECONDS = 0.05
COLLECT_SECONDS = 0.2  # between two batches of a channel: fewer commits, and nobody reads faster
LINGER_SECONDS = 2.0  # a drain that ended with each message would cost a task for the next one


def waiting(*, now: datetime) -> bool:
    """Whether there is a notification to send that nobody is sending."""
    return claim.due(now).exists()


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
                for channel in _channels_due(now()):
                    if channel not in running and len(running) < MAX_CHANNELS:
                        running[channel] = threads.submit(_serve, channel, now, ends, linger_seconds)
            if running:
                stays_until = time.monotonic() + linger_seconds
                wait(running.values(), timeout=LOOK_SECONDS * 2, return_when=FIRST_COMPLETED)
            elif time.monotonic() < min(ends, stays_until):
                time.sleep(LOOK_SECONDS)
            else:
                return total


def _channels_due(now: datetime) -> list[int]:
    return list(claim.due(now).order_by().values_list("channel_id", flat=True).distinct())


def _serve(channel_id: int, now: Callable[[], datetime], ends: float, linger_seconds: float) -> int:
    """Everything due of one channel, oldest first, until it fails for the time being. Returns how many were sent.

    It stays a while for more: opening a notifier anew (TLS and all) costs more than sending with an open one.
    """
    try:
        line = _Line(Channel.objects.get(pk=channel_id), now=now)
        stays_until = time.monotonic() + linger_seconds
        try:
            while time.monotonic() < ends:
                batch = claim.take(channel=channel_id, now=now())
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


class _Line:
    """One channel and its open notifier."""

    def __init__(self, channel: Channel, *, now: Callable[[], datetime]) -> None:
        self.sent = 0
        self._channel = channel
        self._now = now
        self._closed = _closed(channel)
        self._notifier: Notifier | None = None

    def work_off(self, batch: list[Notification]) -> bool:
        """Sends a batch and writes what came of it. False when the channel needs a rest."""
        half_of_lease = time.monotonic() + claim.LEASE.total_seconds() / 2
        told: list[tuple[Notification, datetime]] = []
        trouble: tuple[Notification, NotifierTemporary] | None = None
        while batch and trouble is None and time.monotonic() < half_of_lease:
            notification, batch = batch[0], batch[1:]
            error = self._try(notification)
            if error is None:
                told.append((notification, self._now()))
            elif isinstance(error, NotifierFinal):
                claim.dead(notification, error=str(error))
            else:
                trouble = notification, error
        claim.sent(told)
        self.sent += len(told)
        claim.give_back(batch)
        if trouble is not None:
            # After the others are free again: this puts off all of the channel that is in nobody's hands.
            notification, failure = trouble
            claim.later(notification, error=str(failure), retry_after=failure.retry_after, now=self._now())
        return trouble is None

    def _try(self, notification: Notification) -> NotifierFinal | NotifierTemporary | None:
        """None when it was sent."""
        try:
            self._send(notification)
        except (NotifierFinal, NotifierTemporary) as error:
            return error
        except ConfigurationError as error:
            return NotifierFinal(str(error))
        except Exception:
            logger.exception("a notifier failed in a way it should not", channel=self._channel.slug)
            return NotifierTemporary("the notifier failed; see the log")
        return None

    def _send(self, notification: Notification) -> None:
        if self._closed:
            raise NotifierFinal(self._closed)
        if self._notifier is None:
            self._notifier = registry.notifier_for(self._channel.kind)
        self._notifier.send(text.of(notification.message), target=self._channel.target)

    def close(self) -> None:
        if self._notifier is not None:
            self._notifier.close()


def _closed(channel: Channel) -> str:
    if channel.retired_at is not None:
        return f"the channel {channel.slug} was retired"
    return "" if channel.active else f"the channel {channel.slug} is switched off"
