from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import uvloop
from django.core.management.base import BaseCommand

from relay.delivery.loop import RESOLVER_THREADS, Sender
from relay.health.loop import Checker


class Command(BaseCommand):
    help = (
        "Sends what is due to endpoints and asks for their health, until SIGTERM or SIGINT; then lets what is in"
        " flight end (7 s at most)."
        " `portal` runs it; any number may run, on any number of hosts. Example: manage.py relay_sender"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        # libuv resolves names in four threads: four name servers that hang would stop the fifth endpoint.
        os.environ["UV_THREADPOOL_SIZE"] = str(RESOLVER_THREADS)
        uvloop.run(_serve())


async def _serve() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    checks = asyncio.create_task(Checker().run(stop))
    try:
        await Sender().run(stop)
    finally:
        stop.set()
        await checks
