"""`manage.py send_alert`: a sample alert through the real HTTP path, followed to its end (R7)."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from signals import verdict
from signals.operator import sample_alert, terminal
from tradeops.core import clock
from tradeops.core.errors import TradeOpsError


class Command(BaseCommand):
    help = (
        "Sends a sample alert to the running portal over HTTP and prints each stage with its time as it happens.\n"
        "In the demo it finds the token by itself; else put it in TRADEOPS_SOURCE_TOKEN or a file.\n"
        "Exit code 0 only when every order was filled, every delivery made and everybody told.\n\n"
        "Example: manage.py send_alert --symbol BTCUSDT --action buy --price 65000"
    )

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--source", default="", metavar="SLUG", help="the source; left out, the token names it")
        parser.add_argument("--symbol", default="BTCUSDT", help="the ticker as a sender writes it (BTCUSDT)")
        parser.add_argument("--action", default="buy", help="buy, sell, close, exit or flat (buy)")
        parser.add_argument("--price", default="65000", help="the alert's price (65000); '' sends none")
        parser.add_argument("--url", default="", help="the portal's address (where this installation serves)")
        parser.add_argument("--token-file", default="", metavar="PATH", help="a file that holds the source's token")
        parser.add_argument("--timeout", type=float, default=15, metavar="SECONDS", help="how long to follow it (15)")
        parser.add_argument("--json", action="store_true", help="print the trace as JSON at the end, and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        out = Console(file=self.stdout, highlight=False, markup=False)  # type: ignore[arg-type]

        def say(moment: dict[str, Any]) -> None:
            if not options["json"]:
                out.print(terminal.moment_line(moment), soft_wrap=True)

        try:
            signal_id = self._send(options)
            if not options["json"]:
                out.print(f"Accepted as {signal_id}", soft_wrap=True)
            trace = sample_alert.follow(signal_id, seconds=options["timeout"], moment=say)
        except TradeOpsError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps(trace, indent=2, ensure_ascii=False))
        problems = verdict.problems(trace)
        if problems:
            raise CommandError(" ".join(problems))
        if not options["json"]:
            out.print(f"{verdict.why(trace)} {self._told(trace)}", soft_wrap=True)

    def _send(self, options: dict[str, Any]) -> str:
        token = sample_alert.find_token(
            variables=dict(os.environ), token_file=options["token_file"], data_dir=settings.ENV.data_dir
        )
        return sample_alert.send(
            base_url=options["url"] or settings.ENV.base_url,
            source=options["source"],
            token=token,
            symbol=options["symbol"],
            action=options["action"],
            price=options["price"],
            now=clock.now(),
            seconds=options["timeout"],
        )

    @staticmethod
    def _told(trace: dict[str, Any]) -> str:
        return f"Deliveries: {len(trace['deliveries'])}. Notifications: {len(trace['notifications'])}."
