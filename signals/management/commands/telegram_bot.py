"""`manage.py telegram_bot`: takes operators' commands by Telegram (N3)."""

from __future__ import annotations

import asyncio
import signal
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from signals.operator.telegram import webhook
from signals.operator.telegram.poller import Poller
from tradeops.core.errors import ConfigurationError


class Command(BaseCommand):
    help = (
        "Takes the commands that operators write to the bot of TELEGRAM_BOT_TOKEN, until SIGTERM or SIGINT.\n"
        "`portal` runs it where that is set. It may run on several hosts: one of them asks Telegram at a time.\n"
        "With TELEGRAM_COMMANDS=webhook it tells Telegram where to call instead, and ends: web processes answer.\n\n"
        "Example: manage.py telegram_bot"
    )

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.TELEGRAM_COMMANDS == "off":
            raise CommandError("TELEGRAM_COMMANDS is off: set it to polling or webhook", returncode=2)
        try:
            if settings.TELEGRAM_COMMANDS == "webhook":
                self.stdout.write(f"Telegram calls {asyncio.run(webhook.register())} from now on.")
            else:
                asyncio.run(_serve())
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=2) from None


async def _serve() -> None:
    poller = Poller()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await poller.run(stop)
