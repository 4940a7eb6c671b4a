"""`manage.py sync_positions [ACCOUNT…]`: compares accounts with their venues now (R7, P1)."""

from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from signals.operator import comparison
from signals.operator.comparison import AGREES, FAILED, NO_ANSWER, Compared
from tradeops.core import clock
from tradeops.core.errors import ConfigurationError

_COLOURS = {AGREES: "green", FAILED: "yellow", NO_ANSWER: "yellow"}


class Command(BaseCommand):
    help = (
        "Compares accounts with their venues now, orders, trades and positions, and waits for the result.\n"
        "A trade worker of the running portal does it: only those processes can open the keys. Trades of ours that\n"
        "were missing are booked, trades made by hand are recorded as external; what still differs is listed.\n"
        "Exit code 0: everything agrees. 1: something differs. 2: no such account. 3: it could not be compared.\n\n"
        "Example: manage.py sync_positions okx-1 okx-2 --json"
    )

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("accounts", nargs="*", metavar="ACCOUNT", help="slugs; none = all accounts at venues")
        parser.add_argument("--timeout", type=float, default=60, metavar="SECONDS", help="how long to wait (60)")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            accounts = comparison.chosen(options["accounts"])
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=2) from None
        out = Console(file=self.stdout, highlight=False, markup=False)  # type: ignore[arg-type]
        quiet = options["json"] or not out.is_terminal
        columns = (TextColumn("comparing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=out, transient=True, disable=quiet) as progress:
            task = progress.add_task("", total=len(accounts))
            found = comparison.compare(accounts, seconds=options["timeout"], done=lambda each: progress.advance(task))
        if options["json"]:
            self.stdout.write(json.dumps([each.to_json() for each in found], indent=2, ensure_ascii=False))
        else:
            _show(found, out)
        _judge(found)


def _judge(found: list[Compared]) -> None:
    bad = [each for each in found if each.outcome in (FAILED, NO_ANSWER)]
    if bad:
        raise CommandError(" ".join(f"{each.account}: {each.to_json()['problem']}." for each in bad), returncode=3)
    differing = [each.account.slug for each in found if each.differences]
    if differing:
        raise CommandError(f"not everything agrees: {', '.join(differing)}", returncode=1)


def _show(found: list[Compared], out: Console) -> None:
    if not found:
        out.print("No account keeps its books at a venue: there is nothing to compare.")
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("account", "outcome", "orders", "new trades", "positions", "took"):
        table.add_column(name, justify="left" if name in ("account", "outcome") else "right", no_wrap=True)
    for each in found:
        outcome = Text(each.outcome, style=_COLOURS.get(each.outcome, "red"))
        table.add_row(each.account.slug, outcome, *_counts(each))
    out.print(table)
    for each in found:
        for row in each.differences:
            out.print()
            where = f"{each.account.slug}  {row.kind}  {row.symbol}  {row.reference}".rstrip()
            out.print(Text(where, style="bold"), soft_wrap=True)
            out.print(
                f"  here {row.ours}, at the venue {row.venue}, since {clock.iso_ms(row.first_seen_at)}", soft_wrap=True
            )
            out.print(f"  {row.detail}", soft_wrap=True)


def _counts(each: Compared) -> list[str]:
    run = each.run
    if run is None or run.finished_at is None:
        return ["", "", "", ""]
    took = clock.milliseconds_between(run.started_at, run.finished_at)
    return [str(run.orders), str(run.trades), str(run.positions), f"{took} ms"]
