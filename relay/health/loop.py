"""Health checks beside the sender: a loop of its own, with its own database thread, so that no delivery waits for it.

Any number of them on any number of hosts share the work (`claim`). Killed at any moment it loses a check, nothing else.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import datetime

from aiohttp.abc import AbstractResolver
from django.db import Error

from relay.delivery import endpoints
from relay.delivery.endpoints import Receiver, Routing
from relay.delivery.transport import Transport
from tradeops.core import clock, logs
from tradeops.core.database_thread import DatabaseThread

from . import claim, record
from .ask import Health, ask

logger = logs.get(__name__)
LOOK_SECONDS = 2.0  # until a new endpoint is asked for the first time
# Before the first look: receivers that start together with the portal are not called ill for it.
GRACE_SECONDS = 5.0


class Checker:
    """`now` and `jitter` are given by tests; `resolver` too, to play a hostile name server."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = clock.now,
        jitter: claim.Jitter = random.uniform,
        resolver: Callable[[], AbstractResolver] | None = None,
    ) -> None:
        self._now = now
        self._jitter = jitter
        self._resolver = resolver
        self._database = DatabaseThread("relay-health")
        self._found: dict[int, tuple[Receiver, Health]] = {}
        self._rounds: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then checks under way are dropped: nobody waits for them."""
        stopping = asyncio.ensure_future(stop.wait())
        stopping.add_done_callback(lambda _: self._wake.set())
        try:
            await self._pause(GRACE_SECONDS)
            while not stop.is_set():
                try:
                    await self.turn()
                except Error as error:
                    logger.warning("health checks wait: the database does not answer", problem=str(error))
                except Exception:
                    logger.exception("a round of health checks failed; the next one is tried all the same")
                await self._pause()
        finally:
            stopping.cancel()
            await self.close()

    async def turn(self) -> None:
        """Writes what was found since, and starts the checks that are due. Raises django.db.Error."""
        await self._write()
        now = self._now()
        due, routing = await self._database.run(lambda: self._due(now))
        if due:
            task = asyncio.create_task(self._round(due, routing))
            self._rounds.add(task)
            task.add_done_callback(self._rounds.discard)

    async def settle(self) -> None:
        """Waits for the checks under way and writes what they found."""
        if self._rounds:
            await asyncio.wait(list(self._rounds))
        await self._write()

    async def close(self) -> None:
        for task in list(self._rounds):
            task.cancel()
        if self._rounds:
            await asyncio.wait(list(self._rounds))
        self._database.close()

    def _due(self, now: datetime) -> tuple[list[Receiver], Routing]:
        routing = endpoints.routing()
        ids = claim.due(now=now, jitter=self._jitter)
        return [routing.receivers[pk] for pk in ids if pk in routing.receivers], routing

    async def _round(self, due: list[Receiver], routing: Routing) -> None:
        # Connections of its own: a check asks whether one can be made now, and an idle one would be closed by then.
        transport = Transport(routing.networks, resolver=self._resolver() if self._resolver else None)
        try:
            await asyncio.gather(*(self._check(transport, receiver) for receiver in due))
        finally:
            await transport.close()

    async def _check(self, transport: Transport, receiver: Receiver) -> None:
        self._found[receiver.id] = receiver, await ask(transport, receiver, now=self._now())
        self._wake.set()

    async def _write(self) -> None:
        batch, self._found = self._found, {}
        if not batch:
            return
        try:
            await self._database.run(lambda: record.write(batch))
        except Error:
            self._found = {**batch, **self._found}
            raise

    async def _pause(self, seconds: float = LOOK_SECONDS) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return
        self._wake.clear()
