"""What SQLite's planner is told about the tables: the same on an empty database and after a million signals.

Without statistics it takes an equality with the first column of any index to fit ten rows. "All orders of an account"
are not ten, so it preferred such an index to the partial ones that hold what is open, and every turn read the whole
past of an account. `ANALYZE` in an installation would tell it the truth of one day, an empty one at first, and other
processes would not hear of it. So the figures are fixed (https://sqlite.org/lang_analyze.html, «Fixed Results Of
ANALYZE»): a column with few values (a choice, a yes or no, a reference to what the operator configures) fits many rows
each, anything else few; a partial index is small.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connections, models, transaction

ROWS = 1_048_576  # what it assumes of a table that it knows nothing of
FEW = 8  # values of a column that has few
FIT_ONE_OF_MANY = 10  # rows, its own guess too
OPEN_ROWS = 500
CONFIGURED = (
    "accounts.Account", "accounts.AccountGroup", "accounts.Client", "auth.User", "relay.Channel", "relay.Endpoint",
    "relay.EndpointGroup", "signals.AnalysisPlan", "signals.Source", "signals.Strategy",
)  # fmt: skip


def write(*, using: str) -> None:
    """For this connection and those that are opened from now on; called by every `migrate`."""
    connection = connections[using]
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sqlite_schema")  # makes the table of statistics where there is none
        wanted = sorted(_wanted(cursor, set(connection.introspection.table_names(cursor))))
        cursor.execute("SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY tbl, idx")
        if cursor.fetchall() == wanted:
            return
        with transaction.atomic(using=using):
            cursor.execute("DELETE FROM sqlite_stat1")
            cursor.executemany("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (%s, %s, %s)", wanted)
        cursor.execute("ANALYZE sqlite_schema")  # has this connection read it again


def _wanted(cursor: Any, there: set[str]) -> Iterator[tuple[str, str, str]]:
    for model in apps.get_models():
        table = model._meta.db_table
        if table not in there or model._meta.label in CONFIGURED:
            continue
        few = {str(field.column) for field in model._meta.concrete_fields if _has_few_values(field)}
        cursor.execute(f'PRAGMA index_list("{table}")')
        for _, index, unique, _, partial in cursor.fetchall():
            cursor.execute(f'PRAGMA index_info("{index}")')
            columns = [column for _, _, column in cursor.fetchall()]
            yield table, index, _estimate(columns, few, unique=bool(unique), partial=bool(partial))


def _has_few_values(field: models.Field[Any, Any]) -> bool:
    if isinstance(field, models.ForeignKey):
        return field.related_model._meta.label in CONFIGURED
    return bool(field.choices) or isinstance(field, models.BooleanField)


def _estimate(columns: list[str], few: set[str], *, unique: bool, partial: bool) -> str:
    """`rows`, then how many rows fit the first column, the first two …"""
    rows = OPEN_ROWS if partial else ROWS
    fits = rows
    found = [rows]
    for column in columns:
        fits = max(fits // FEW, 1) if column in few else min(fits, FIT_ONE_OF_MANY)
        found.append(fits)
    if unique:
        found[-1] = 1
    return " ".join(map(str, found))
