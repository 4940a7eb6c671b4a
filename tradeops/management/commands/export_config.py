"""`manage.py export_config [FILE]`: the stored configuration in the form that apply_config reads (R6)."""

from __future__ import annotations

import os
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tradeops.config import export
from tradeops.core.errors import ConfigurationError


class Command(BaseCommand):
    help = """Writes sources, accounts, endpoints and their groups, strategies, risk limits and channels as YAML.

Secrets are left out; with --with-secrets they are in it, encrypted under TRADEOPS_ENCRYPTION_KEYS. Applied where it
came from, the file changes nothing: that is checked each time.

    manage.py export_config > portal.yaml
    manage.py export_config portal.yaml --with-secrets

Exit codes: 0 written, 3 written but it would not be applied as it is (told on stderr), 1 anything else."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="where to write it, mode 0600; standard output without")
        parser.add_argument("--with-secrets", action="store_true", help="the secrets too, encrypted")
        parser.add_argument("--json", action="store_true", help="as JSON, which apply_config reads as well")

    def handle(self, *args: Any, **options: Any) -> None:
        form = export.as_json if options["json"] else export.as_yaml
        try:
            text = form(with_secrets=options["with_secrets"])
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=1) from error
        path: Path | None = options["file"]
        if path is None:
            self.stdout.write(text, ending="")
        else:
            self._save(path, text)
        wrong = export.check(text, name=str(path or "export"))
        if wrong:
            told = "\n".join(["It was written, but applying it here would not be without effect:", *wrong])
            raise CommandError(told, returncode=3)

    @staticmethod
    def _save(path: Path, text: str) -> None:
        """Whole or not at all: a file that breaks off in the middle might be taken for the configuration."""
        beside = path.with_name(path.name + ".part")
        try:
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            beside.replace(path)
        except OSError as error:
            raise CommandError(f"cannot write {path}: {error.strerror}", returncode=1) from error
