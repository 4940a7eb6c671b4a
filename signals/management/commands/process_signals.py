"""`manage.py process_signals`: works off what is waiting, in this process."""

from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand

from signals.models import WorkItem
from signals.pipeline.drain import drain


class Command(BaseCommand):
    help = (
        "Routes, decides and executes what is waiting, then returns. The portal does it by itself;\n"
        "this is for hosts without a cluster and for a look at what holds things up.\n\n"
        "Example: manage.py process_signals --seconds 60"
    )

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seconds", type=float, default=60.0, help="stop after this long (default 60)")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        moved = drain(budget_seconds=options["seconds"])
        left = WorkItem.objects.filter(state=WorkItem.State.WAITING).count()
        if options["json"]:
            self.stdout.write(json.dumps({"moved": moved, "waiting": left}))
        else:
            self.stdout.write(f"{moved} steps done; {left} signals still waiting.")
