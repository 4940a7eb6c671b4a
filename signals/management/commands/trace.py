"""`manage.py trace SIGNAL_ID`: the whole life of one signal."""

from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from signals import trace
from signals.operator import terminal


class Command(BaseCommand):
    help = (
        "Shows what became of a signal: decisions with every rule, orders with their fills, deliveries with their\n"
        "attempts, notifications, and when each of it happened. Exit code 1 if there is no such signal.\n\n"
        "Example: manage.py trace 0198c5f2-7a11-7c53-9d55-0c5f4b8f6a01"
    )

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("signal_id", metavar="SIGNAL_ID", help="as the webhook answered it, or a log line names it")
        parser.add_argument("--json", action="store_true", help="the document of /api/v1/signals/<id>/trace")

    def handle(self, *args: Any, **options: Any) -> None:
        found = trace.of(options["signal_id"].strip())
        if found is None:
            raise CommandError(
                f"There is no signal {options['signal_id']}. Take the signal_id of the webhook's answer, "
                "or look it up under Signals in the admin."
            )
        if options["json"]:
            self.stdout.write(json.dumps(found, indent=2, ensure_ascii=False))
        else:
            terminal.show(found, Console(file=self.stdout, highlight=False, markup=False))  # type: ignore[arg-type]
