"""`manage.py replay --strategy S`: stored signals through today's rules on fresh paper accounts (R7)."""

from __future__ import annotations

import json
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from signals.replay import asked, child, compare, service, shown
from tradeops.core import clock
from tradeops.core.errors import ConfigurationError, Refused


class Command(BaseCommand):
    help = """Runs a strategy's stored signals through today's rules, on fresh paper accounts, and compares.

It reads this installation and writes nothing to it: the replay has a database of its own that is thrown away, sends
nothing to anybody and opens no connection. Prices are those that were stored; what it could not know, it says.

    manage.py replay --strategy trend --from 2026-11-01 --to 2026-11-08
    manage.py replay --strategy trend --from 2026-11-02T14:30 --json

Times are UTC unless they say otherwise; --to does not count any more. Exit codes: 0 everything is as it was, 1 a
decision or the result is another today, 2 it cannot be asked like this, 3 the replay failed."""

    requires_system_checks = ()  # the portal has made them, and a replay's own process begins sooner without

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--strategy", metavar="SLUG")
        which.add_argument("--in", dest="directory", type=Path, help=SUPPRESS)  # the process of a replay
        parser.add_argument("--from", dest="since", default="", metavar="TIME", help="its first signal, if left out")
        parser.add_argument("--to", dest="until", default="", metavar="TIME", help="now, if left out")
        parser.add_argument(
            "--balance", action="append", default=[], metavar="CURRENCY=AMOUNT",
            help="what every account begins with; left out: its initial balances, or its equity of then",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="all of it, as signals/replay/compare.py describes")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["directory"] is not None:
                child.serve(options["directory"], out=self.stdout)  # type: ignore[arg-type]
                return
            found = self._replay(options)
        except (Refused, ConfigurationError) as error:
            raise CommandError(str(error), returncode=2) from None
        except child.ReplayFailed as error:
            raise CommandError(f"The replay failed; nothing was changed. {error}", returncode=3) from None
        if options["json"]:
            self.stdout.write(json.dumps(found, indent=2, ensure_ascii=False))
        else:
            shown.show(found, Console(file=self.stdout, highlight=False, markup=False))  # type: ignore[arg-type]
        if not compare.is_same(found):
            raise CommandError(shown.verdict(found), returncode=1)

    def _replay(self, options: dict[str, Any]) -> dict[str, Any]:
        wanted = asked.read(
            slug=options["strategy"], since=options["since"], until=options["until"], balances=options["balance"],
            now=clock.now(),
        )  # fmt: skip
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        quiet = options["json"] or not console.is_terminal
        with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
            task = bar.add_task("preparing", total=None)
            return service.replay(
                wanted,
                say=lambda done, total: bar.update(task, completed=done, total=total, description="signals"),
            )
