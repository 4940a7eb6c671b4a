"""`manage.py check_endpoints [SLUG …]`: are the receivers well, now?"""

from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from relay.health import now as health
from relay.health import selectors
from relay.health.ask import Health
from relay.health.selectors import Standing
from relay.models import Endpoint
from tradeops.core import clock

WORDS = {True: "healthy", False: "unhealthy", None: "unknown"}


class Command(BaseCommand):
    help = """Asks endpoints for their health now (GET /health at their origin) and shows uptime and breaker.

Without slugs, every endpoint that is switched on. `unknown`: it answers, and has no /health.

    manage.py check_endpoints
    manage.py check_endpoints vps-1 vps-2 --json

Exit codes: 0 none is unhealthy, 1 at least one is, 2 there is no such endpoint."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slugs", nargs="*", metavar="SLUG")
        parser.add_argument("--json", action="store_true", help="a JSON list, one object an endpoint")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        rows = _chosen(options["slugs"])
        found = health.check(rows, now=now)
        standings = selectors.standings(rows, now=now)
        if options["json"]:
            listed = [_to_json(row, answer, standings[row.pk]) for row, answer in found]
            self.stdout.write(json.dumps(listed, indent=2, ensure_ascii=False))
        elif not found:
            self.stdout.write("No endpoint is switched on.")
        else:
            Console(file=self.stdout, highlight=False, markup=False).print(  # type: ignore[arg-type]
                _table(found, standings)
            )
        ill = [row.slug for row, answer in found if answer.ok is False]
        if ill:
            raise CommandError(f"not well: {', '.join(ill)}", returncode=1)


def _chosen(slugs: list[str]) -> list[Endpoint]:
    stored = Endpoint.objects.filter(retired_at=None).defer("secret", "report_secret").order_by("slug")
    if not slugs:
        return list(stored.filter(active=True))
    found = list(stored.filter(slug__in=slugs))
    unknown = sorted(set(slugs) - {row.slug for row in found})
    if unknown:
        there = ", ".join(stored.values_list("slug", flat=True)) or "none"
        raise CommandError(f"There is no endpoint {', '.join(unknown)}. There are: {there}.", returncode=2)
    return found


def _to_json(row: Endpoint, answer: Health, standing: Standing) -> dict[str, Any]:
    return {
        "endpoint": row.slug,
        "active": row.active,
        "health": WORDS[answer.ok],
        "status_code": answer.status_code,
        "ms": answer.ms,
        "error": answer.error,
        "breaker": standing.breaker,
        "uptime_24h": _text(standing.uptime_24h) or None,
        "uptime_30d": _text(standing.uptime_30d) or None,
    }


def _table(found: list[tuple[Endpoint, Health]], standings: dict[int, Standing]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("Endpoint", "Health", "Breaker", "ms", "24 h %", "30 d %", "What it said"):
        table.add_column(name, justify="right" if name in ("ms", "24 h %", "30 d %") else "left")
    for row, answer in found:
        standing = standings[row.pk]
        table.add_row(
            row.slug if row.active else f"{row.slug} (off)",
            WORDS[answer.ok],
            standing.breaker,
            str(answer.ms),
            _text(standing.uptime_24h) or "–",
            _text(standing.uptime_30d) or "–",
            answer.error or f"HTTP {answer.status_code}",
        )
    return table


def _text(value: Any) -> str:
    return "" if value is None else str(value)
