"""SQL text that is run again and again, with as little around it as the database allows.

On PostgreSQL a statement whose text does not change is prepared by its connection, so the server parses and plans it
once, and values are sent beside the text instead of being written into it: that halves what a small statement costs on
both sides. On SQLite the text goes to the driver without Django's cursor around it. The ORM's own statements go on as
Django sends them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

# Seen as often as this on a connection, a statement is prepared; and so many are kept, each some kilobytes there.
PREPARE_AFTER, PREPARED_MOST = 2, 200


def fetch(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The rows that it gives. `sql` with %s for `params`. Raises what the database raises, as the ORM does."""
    return _run(sql, params)[0]


def change(sql: str, params: Sequence[Any] = ()) -> int:
    """How many rows it has changed."""
    return _run(sql, params)[1]


def _run(sql: str, params: Sequence[Any]) -> tuple[list[tuple[Any, ...]], int]:
    own: Any = connections[DEFAULT_DB_ALIAS]  # once: each look through the proxy `connection` is a dozen calls
    if own.queries_logged or own.execute_wrappers:
        with own.cursor() as cursor:
            cursor.execute(sql, params)
            return (list(cursor.fetchall()) if cursor.description else []), cursor.rowcount
    own.close_if_health_check_failed()
    own.ensure_connection()
    own.validate_no_broken_transaction()
    with own.wrap_database_errors:
        if own.vendor == "postgresql":
            cursor = _cursor(own)
            cursor.execute(sql, params)
        else:
            cursor = own.create_cursor()
            cursor.run(sql, params)
        return (cursor.fetchall() if cursor.description else []), cursor.rowcount


def _cursor(own: Any) -> Any:
    """The one of this connection; made anew with a connection, since it keeps its statements itself."""
    present = own.connection
    found = getattr(present, "_tradeops_statements", None)
    if found is None:
        import psycopg
        from django.db.backends.postgresql.psycopg_any import register_tzloader

        present.prepare_threshold, present.prepared_max = PREPARE_AFTER, PREPARED_MOST
        found = psycopg.Cursor(present)
        register_tzloader(own.timezone, found)
        present._tradeops_statements = found
    return found
