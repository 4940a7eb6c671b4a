"""`manage.py run_analysis [PLAN]`: the pre-market analysis, now."""

from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from signals.analysis import runner, runs, tether
from signals.models import AnalysisPlan, AnalysisRun
from tradeops.core import clock
from tradeops.core.errors import Conflict


class Command(BaseCommand):
    help = """Runs an analysis now, in this process, and shows what it found.

Without a plan's slug, the one that there is.

    manage.py run_analysis
    manage.py run_analysis premarket --json

Exit codes: 0 it ran (symbols without an answer are listed), 1 it failed, 2 there is no such plan, 3 one is running."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("plan", nargs="?", metavar="PLAN")
        parser.add_argument("--run", metavar="ID", help="work off a run that was begun already")
        parser.add_argument("--tether", type=int, metavar="FD", help="end when the process of this pidfd ends")
        parser.add_argument("--json", action="store_true", help="the results, as GET /results gives them")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["tether"] is not None:
            tether.hold(options["tether"])
        run = _begun(options["run"]) if options["run"] else _begin(options["plan"])
        console = Console(stderr=True)
        with Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console,
            disable=options["json"] or not console.is_terminal, transient=True,
        ) as bar:  # fmt: skip
            task = bar.add_task("analysis", total=len(run.plan.symbols))
            runner.execute(
                run, progress=lambda done, total, what: bar.update(task, completed=done, total=total, description=what)
            )
        run.refresh_from_db()
        if run.status != AnalysisRun.Status.COMPLETED or run.results is None:
            raise CommandError(run.error or f"the run is {run.status}", returncode=1)
        if options["json"]:
            self.stdout.write(json.dumps(run.results, indent=2, ensure_ascii=False))
        else:
            _show(run, Console(file=self.stdout, highlight=False))  # type: ignore[arg-type]


def _begun(public_id: str) -> AnalysisRun:
    run = AnalysisRun.objects.select_related("plan__strategy").filter(public_id=public_id).first()
    if run is None:
        raise CommandError(f"there is no run {public_id!r}", returncode=2)
    return run


def _begin(slug: str | None) -> AnalysisRun:
    plans = AnalysisPlan.objects.filter(retired_at=None).select_related("strategy")
    found = list(plans.filter(slug=slug) if slug else plans)
    if len(found) != 1:
        there = ", ".join(plan.slug for plan in plans) or "none; add one to the section `analysis` of your file"
        what = f"there is no plan {slug!r}" if slug else "name one of several plans" if found else "there is no plan"
        raise CommandError(f"{what} ({there})", returncode=2)
    try:
        return runs.begin(found[0], cause=AnalysisRun.Cause.DEMAND, now=clock.now())
    except Conflict as error:
        raise CommandError(str(error), returncode=3) from None


_COLOURS = {"BUY": "green", "SELL": "red"}


def _show(run: AnalysisRun, console: Console) -> None:
    told = run.results or {}
    metrics = told["performance_metrics"]
    table = Table(title=f"Analysis {run.plan} of {told['timestamp']}", title_justify="left", header_style="dim")
    for name, side in (("symbol", "left"), ("action", "left"), ("score", "right"), ("confidence", "right")):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    table.add_column("price", justify="right")
    table.add_column("forecast", justify="right")
    table.add_column("why", overflow="fold")
    for symbol, signal in told["trading_signals"].items():
        if not signal["success"]:
            table.add_row(symbol, Text("no answer", style="yellow"), "", "", "", "", signal["error"])
            continue
        prediction = signal["components"]["price_prediction"]
        table.add_row(
            symbol, Text(signal["action"], style=_COLOURS.get(signal["action"].split()[0], "")),
            f"{signal['signal_score']:+.2f}", f"{signal['confidence']:.0%}", f"{signal['current_price']:.2f}",
            f"{prediction['predicted_price']:.2f}", signal["reasoning"],
        )  # fmt: skip
    console.print(table)
    good = f"{metrics['success_rate']:.0%} of the symbols, mean confidence {metrics['avg_confidence']:.0%}"
    console.print(Text(good), soft_wrap=True)
    if run.error:
        console.print(Text(run.error, style="yellow"), soft_wrap=True)
