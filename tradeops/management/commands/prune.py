"""`manage.py prune`: forgets now what the portal forgets each hour."""

from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand

from tradeops import prune
from tradeops.core import clock


class Command(BaseCommand):
    help = (
        "Deletes what has outlived its keeping: refusals in the request log, keys of duplicates whose window is over,\n"
        "bans long past. Never a ledger, and never the key of a signed message. The portal does this each hour.\n\n"
        "Example: manage.py prune --dry-run"
    )

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        dry_run = options["dry_run"]
        gone = prune.run(now=clock.now(), dry_run=dry_run)
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": dry_run, "gone": gone}, indent=2))
            return
        for name, count in gone.items():
            self.stdout.write(f"{name:16} {count:>10,} {'would go' if dry_run else 'gone'}")
