"""Asking at once, for a person who waits: the command and the admin's `Ping now`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from relay.delivery import endpoints
from relay.delivery.endpoints import Receiver, Routing
from relay.delivery.transport import Transport
from relay.models import Endpoint
from tradeops.core import configuration

from . import record
from .ask import Health, ask


def check(rows: Sequence[Endpoint], *, now: datetime) -> list[tuple[Endpoint, Health]]:
    """Asks all of them at the same time, five seconds at most, and returns what each said, in the order given.

    What was found is stored as any check is, but for endpoints that are switched off: those have no uptime.
    Not to be called in a transaction.
    """
    routing = endpoints.routing()
    if not {row.pk for row in rows} <= routing.receivers.keys():
        configuration.forget()  # one of them is newer than what this process remembers
        routing = endpoints.routing()
    asked = [(row, routing.receivers[row.pk]) for row in rows]
    answers = asyncio.run(_ask_all([receiver for _, receiver in asked], routing, now=now))
    record.write(
        {
            receiver.id: (receiver, health)
            for (_, receiver), health in zip(asked, answers, strict=True)
            if receiver.active
        }
    )
    return [(row, health) for (row, _), health in zip(asked, answers, strict=True)]


async def _ask_all(receivers: list[Receiver], routing: Routing, *, now: datetime) -> list[Health]:
    transport = Transport(routing.networks)
    try:
        return list(await asyncio.gather(*(ask(transport, receiver, now=now) for receiver in receivers)))
    finally:
        await transport.close()
