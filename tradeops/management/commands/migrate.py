from typing import Any

from django.core.management.commands import migrate

from tradeops.core.sqlite import statistics


class Command(migrate.Command):
    """Django's own; then SQLite's planner is told about the tables, as a migration that makes one anew forgets it."""

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if not options["plan"]:
            statistics.write(using=options["database"])
