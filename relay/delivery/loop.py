"""The relay sender: a supervised asyncio loop. Any number of them, on any number of hosts, share the work.

It wakes on commits, sends in parallel, and writes results in batches: while one is being written, the next gathers.
Killed at any moment it loses nothing: its leases end, and another sends again under the same id (at least once).
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from aiohttp.abc import AbstractResolver
from django.db import Error

from tradeops.core import clock, heartbeat, logs, wake
from tradeops.core.database_thread import DatabaseThread
from tradeops.core.holder import Holder

from . import request, schedule, send, turn
from .endpoints import Receiver, Routing
from .outcome import Outcome
from .parcel import Parcel
from .settle import Result
from .transport import Transport

logger = logs.get(__name__)

CONCURRENCY = 32  # for each endpoint: a sick one holds no more than these
SWEEP = timedelta(seconds=1)
BEAT = timedelta(seconds=heartbeat.BEAT_SECONDS)
LOOK_SECONDS = 0.25  # what is due, or a commit that was not seen
# Together under the ten seconds after which the supervisor kills.
DRAIN_SECONDS = 7.0
WRITE_SECONDS = 2.0
RESOLVER_THREADS = 64  # a name server that hangs holds one thread for each name


class Sender:
    """`clock` and `jitter` are given by tests; `resolver` too, to play a hostile name server."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = clock.now,
        jitter: schedule.Jitter = random.uniform,
        resolver: Callable[[], AbstractResolver] | None = None,
        concurrency: int = CONCURRENCY,
    ) -> None:
        self._now = now
        self._jitter = jitter
        self._resolver = resolver
        self._concurrency = concurrency
        self._holder = Holder()
        self._database = DatabaseThread("relay-database")
        self._wake = asyncio.Event()
        self._results: list[Result] = []
        self._tasks: dict[asyncio.Task[None], int] = {}  # → endpoint
        self._transport: Transport | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._started_at = now()
        self._swept_at = self._beat_at = datetime.min.replace(tzinfo=self._started_at.tzinfo)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then what is in flight ends, within seconds, and every result is written."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="relay-resolver"))
        ended = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(loop, ended), name="relay-wake", daemon=True)
        watcher.start()
        stopping = asyncio.ensure_future(stop.wait())
        stopping.add_done_callback(lambda _: self._wake.set())
        failures = 0
        try:
            while not stop.is_set():
                try:
                    await self.turn()
                    failures = 0
                except Error as error:
                    failures += 1
                    logger.warning("the database does not answer; results are kept", problem=str(error), times=failures)
                    await asyncio.sleep(min(2.0, 0.1 * 2 ** min(failures, 5)))
                await self._pause()
            await self.drain()
        finally:
            stopping.cancel()
            ended.set()
            await asyncio.to_thread(watcher.join, 2)
            await self.close()

    async def turn(self) -> None:
        """One round: write what came back, sweep once a second, claim and start what is due. Raises django.db.Error."""
        now = self._now()
        await self._write_results()
        if now - self._swept_at >= SWEEP:
            more = await self._database.run(lambda: turn.sweep(holder=self._holder, now=now))
            if not more:
                self._swept_at = now
        if now - self._beat_at >= BEAT:
            in_flight = len(self._tasks)
            await self._database.run(lambda: turn.beat(started_at=self._started_at, in_flight=in_flight, now=now))
            self._beat_at = now
        busy = Counter(self._tasks.values())
        work = await self._database.run(
            lambda: turn.take(busy=busy, concurrency=self._concurrency, holder=self._holder, now=now)
        )
        self._start(work.claimed, work.routing)

    async def drain(self) -> None:
        """Lets what is in flight end, within `DRAIN_SECONDS`; the rest is cut off and sent again by another."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
        for task in list(self._tasks):
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)
        for _ in range(int(WRITE_SECONDS / 0.25)):
            try:
                await self._write_results()
                return
            except Error as error:
                logger.warning("the last results are not written yet", problem=str(error))
                await asyncio.sleep(0.25)

    async def in_flight(self) -> None:
        """Waits for what is in flight now."""
        if self._tasks:
            await asyncio.wait(list(self._tasks))

    async def close(self) -> None:
        if self._transport is not None:
            await self._transport.close()
        if self._closing:
            await asyncio.wait(self._closing)
        self._database.close()

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), LOOK_SECONDS)
        except TimeoutError:
            return
        self._wake.clear()

    async def _write_results(self) -> None:
        batch, self._results = self._results, []
        if not batch:
            return
        now = self._now()
        try:
            await self._database.run(lambda: turn.write(batch, now=now))
        except Error:
            self._results = batch + self._results
            raise
        loop = asyncio.get_running_loop()
        for result in batch:
            if isinstance(result.verdict, schedule.Retry):
                loop.call_later(max(0.0, (result.verdict.at - self._now()).total_seconds()), self._wake.set)

    def _start(self, claimed: list[Parcel], routing: Routing) -> None:
        transport = self._transport_for(routing)
        for delivery in claimed:
            receiver = routing.receivers[delivery.endpoint_id]
            task = asyncio.create_task(self._deliver(delivery, receiver, transport))
            self._tasks[task] = receiver.id
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        self._wake.set()

    def _transport_for(self, routing: Routing) -> Transport:
        """A changed list of allowed networks gets new connections: a pooled one was checked under the old list."""
        old = self._transport
        if old is not None and old.networks == routing.networks:
            return old
        self._transport = Transport(routing.networks, resolver=self._resolver() if self._resolver else None)
        if old is not None:
            closing = asyncio.create_task(old.close(after=list(self._tasks)))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        return self._transport

    async def _deliver(self, delivery: Parcel, receiver: Receiver, transport: Transport) -> None:
        now = self._now()
        try:
            outcome = await self._attempt(delivery, receiver, transport, now=now)
        except asyncio.CancelledError:
            ms = clock.milliseconds_between(now, self._now())
            outcome = Outcome(at=now, ms=ms, error="the sender was stopped before an answer came", ours=True)
        except Exception:
            logger.exception("a message could not be built", delivery=delivery.pk, endpoint=receiver.slug)
            outcome = _ours("the message could not be built: check the endpoint's settings", now=now)
        verdict = schedule.judge(outcome, tries=delivery.tries + 1, expires_at=delivery.expires_at, jitter=self._jitter)
        self._results.append(Result(delivery=delivery, receiver=receiver, outcome=outcome, verdict=verdict))

    @staticmethod
    async def _attempt(delivery: Parcel, receiver: Receiver, transport: Transport, *, now: datetime) -> Outcome:
        if not receiver.secret:
            return _ours("the endpoint's secret cannot be opened: set it again", now=now)
        body = request.body(delivery, symbols=receiver.symbols)
        headers = request.headers(delivery, body=body, secret=receiver.secret, custom=receiver.headers, now=now)
        session = transport.session_for(receiver.url)
        return await send.post(session, url=receiver.url, body=body, headers=headers, timeout=receiver.timeout, now=now)

    def _watch(self, loop: asyncio.AbstractEventLoop, ended: threading.Event) -> None:
        """Wakes the loop on each commit. Without it, `LOOK_SECONDS` still finds everything."""
        watcher: wake.Watcher | None = None
        while not ended.is_set():
            try:
                watcher = watcher or wake.watcher(wake.RELAY)
                if watcher.wait(0.5) and not ended.is_set():
                    loop.call_soon_threadsafe(self._wake.set)
            except Exception:
                logger.exception("commits are not seen; looking by the clock instead")
                watcher = None
                ended.wait(1)
        if watcher is not None:
            watcher.close()


def _ours(error: str, *, now: datetime) -> Outcome:
    """Nothing was sent, and the endpoint is not to blame."""
    return Outcome(at=now, ms=0, error=error, reached=False, ours=True)
