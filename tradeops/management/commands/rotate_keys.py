"""`manage.py rotate_keys`: everything that is encrypted at rest, under the newest keys."""

from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tradeops import rotation
from tradeops.core.errors import ConfigurationError


class Command(BaseCommand):
    help = (
        "Encrypts every stored secret anew under the first of TRADEOPS_ENCRYPTION_KEYS, and the accounts' credentials\n"
        "for the first of TRADEOPS_VAULT_KEY. In order:\n"
        "  1. put the new key behind the old one, and restart every process: all can read it now;\n"
        "  2. put it in front, and restart: what is stored from now on is under it;\n"
        "  3. run this, where the trade workers run; 4. take the old key away, and restart.\n"
        "Backups need the keys of their time. Exit code 1 if a part could not be done.\n\n"
        "Example: manage.py rotate_keys --dry-run"
    )

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        dry_run = options["dry_run"]
        try:
            parts = rotation.run(dry_run=dry_run)
        except ConfigurationError as error:
            raise CommandError(f"nothing was changed: {error}") from None
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": dry_run, "parts": [asdict(part) for part in parts]}, indent=2))
        else:
            width = max(len(part.name) for part in parts)
            for part in parts:
                said = part.problem or f"{part.renewed} {'would be' if dry_run else 'were'} encrypted anew"
                self.stdout.write(f"{part.name:{width}}  {part.values:>6,}  {said}")
        if any(part.problem for part in parts):
            raise CommandError("not everything could be done", returncode=1)
