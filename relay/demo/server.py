"""All demo servers in one process, on loopback, until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web

from .receiver import Receiver
from .telegram import Telegram

HOST = "127.0.0.1"


async def serve(
    *,
    ports: Sequence[int],
    secrets: Sequence[str],
    telegram_port: int,
    write: Callable[[str], None],
    stop: asyncio.Event,
) -> None:
    """One receiver for each of `ports`, with the secret of the same place (empty: not checked). Raises OSError."""
    applications = {
        port: Receiver(name=f"vps-{number}", secret=secret, write=write).application()
        for number, (port, secret) in enumerate(zip(ports, secrets, strict=True), start=1)
    }
    applications[telegram_port] = Telegram(write=write).application()
    runners: list[web.AppRunner] = []
    try:
        for port, application in applications.items():
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
            runners.append(runner)
            await runner.setup()
            await web.TCPSite(runner, HOST, port).start()
        write(f"demo receivers on {HOST}, ports {', '.join(str(port) for port in applications)}")
        await stop.wait()
    finally:
        for runner in runners:
            await runner.cleanup()
