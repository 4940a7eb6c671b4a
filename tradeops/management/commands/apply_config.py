"""`manage.py apply_config FILE.yaml`: configuration as code (R6)."""

from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tradeops.config import apply
from tradeops.config.errors import ConfigurationFileError
from tradeops.core import clock


class Command(BaseCommand):
    help = """Creates or updates sources, accounts, endpoints, strategies, risk limits and channels from a YAML file.

One transaction: either the whole file is applied or nothing. What the file does not name stays as it is.

    manage.py apply_config portal.yaml --dry-run
    manage.py apply_config portal.yaml

Exit codes: 0 applied (or nothing to do), 2 the file is wrong and nothing was changed, 1 anything else."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the YAML file")
        parser.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")
        parser.add_argument("--json", action="store_true", help="print changes or errors as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = apply.apply_file(options["file"], dry_run=options["dry_run"], now=clock.now())
        except ConfigurationFileError as error:
            if options["json"]:
                self.stdout.write(json.dumps({"errors": [fault.to_json() for fault in error.errors]}, indent=2))
            raise CommandError(str(error), returncode=2) from error
        except OSError as error:
            raise CommandError(f"cannot read {options['file']}: {error.strerror}", returncode=1) from error
        if options["json"]:
            self.stdout.write(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
        else:
            self.stdout.write("\n".join(report.lines()))
