"""The end of a server that runs in a thread's own event loop."""

from __future__ import annotations

import asyncio


async def hang_up() -> None:
    """Aborts every connection of the running loop, those too that nobody has taken from the listen queue in time.

    A server's own clean-up knows only what its handlers have; a transport that is left is told of by the garbage
    collector, in the middle of another test.
    """
    loop = asyncio.get_running_loop()
    for _ in range(3):
        for transport in list(getattr(loop, "_transports", {}).values()):  # uvloop has none, and closes its own
            transport.abort()
        await asyncio.sleep(0)
