from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from relay.demo.server import serve


def _ports(text: str) -> list[int]:
    ports = [int(port) for port in text.split(",") if port.strip()]
    if not all(0 < port < 65536 for port in ports) or len(set(ports)) != len(ports):
        raise ValueError(text)
    return ports


class Command(BaseCommand):
    help = (
        "Runs demo receivers (VPS endpoints) and a stand-in for the Telegram Bot API, on loopback. Checks signatures"
        " with DEMO_VPS_1_SECRET, DEMO_VPS_2_SECRET … where set. GET /received and /sent show what came."
        " Example: manage.py demo_vps --ports 9101,9102 --telegram-port 9103"
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--ports", type=_ports, default=_ports(os.environ.get("TRADEOPS_DEMO_PORTS", "9101,9102")))
        parser.add_argument("--telegram-port", type=int, default=None, help="default: the port after the receivers'")

    def handle(self, *args: Any, **options: Any) -> None:
        ports, telegram_port = options["ports"], options["telegram_port"] or max(options["ports"]) + 1
        secrets = [os.environ.get(f"DEMO_VPS_{number}_SECRET", "") for number in range(1, len(ports) + 1)]

        async def main() -> None:
            stop = asyncio.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            await serve(ports=ports, secrets=secrets, telegram_port=telegram_port, write=self._line, stop=stop)

        try:
            asyncio.run(main())
        except OSError as error:
            raise CommandError(
                f"a demo receiver cannot listen: {error.strerror or error}. Give other --ports."
            ) from error

    def _line(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
