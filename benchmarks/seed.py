"""A long history by SQL alone: copies of the one signal that is there, each with an identity, a time and a key of its
own. It names only the columns that must differ, so the schema may change around it."""

from __future__ import annotations

import contextlib
import sqlite3

BATCH = 50_000

# Column → its expression for copy number {n}; older than anything that comes now, one each 2.6 s.
_SQLITE = {
    "signals_signal": {
        "public_id": "printf('%08x-%04x-7000-8000-%012x', 25165824 + {n} / 65536, {n} % 65536, {n})",
        "request_id": "printf('%032x', {n})",
        "received_at": "strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || ({n} * 2.6 + 60) || ' seconds')",
        "status": "'APPROVED'",
    },
    "signals_dedupkey": {
        "key": "lower(hex(randomblob(32)))",
        "signal_public_id": "printf('%08x-%04x-7000-8000-%012x', 25165824 + {n} / 65536, {n} % 65536, {n})",
        "expires_at": "strftime('%Y-%m-%d %H:%M:%f', 'now', '+30 days')",
    },
}
_ID = (
    "lpad(to_hex(25165824 + {n} / 65536), 8, '0') || '-' || lpad(to_hex({n} % 65536), 4, '0')"
    " || '-7000-8000-' || lpad(to_hex({n}), 12, '0')"
)
_POSTGRESQL = {
    "signals_signal": {
        "public_id": _ID,
        "request_id": "lpad(to_hex({n}), 32, '0')",
        "received_at": "now() - ({n} * 2.6 + 60) * interval '1 second'",
        "status": "'APPROVED'",
    },
    "signals_dedupkey": {
        "key": "md5(random()::text) || md5(random()::text)",
        "signal_public_id": _ID,
        "expires_at": "now() + interval '30 days'",
    },
}


def signals(url: str, count: int) -> None:
    """`count` signals and as many live duplicate keys, of the only signal stored."""
    (_sqlite if url.startswith("sqlite") else _postgresql)(url, count)


def _sqlite(url: str, count: int) -> None:
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60)) as connection:
        for table, expressions in _SQLITE.items():
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            for first in range(1, count + 1, BATCH):
                numbers = (
                    f"WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers"
                    f" WHERE n < {min(first + BATCH - 1, count)})"
                )
                with connection:
                    connection.execute(f"{_insert(table, columns, expressions, numbers)} CROSS JOIN numbers")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _postgresql(url: str, count: int) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for table, expressions in _POSTGRESQL.items():
            rows = connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table]
            ).fetchall()
            insert = _insert(table, [row[0] for row in rows], expressions, "")
            for first in range(1, count + 1, BATCH):
                last = min(first + BATCH - 1, count)
                # Built of the constants above and two numbers.
                connection.execute(f"{insert} CROSS JOIN generate_series({first}, {last}) AS numbers(n)")  # type: ignore[arg-type]
            connection.execute(f"VACUUM ANALYZE {table}")  # type: ignore[arg-type]


def _insert(table: str, columns: list[str], expressions: dict[str, str], numbers: str) -> str:
    """INSERT … SELECT from the oldest row of the table, to be joined with `numbers.n`."""
    missing = expressions.keys() - set(columns)
    if missing:
        raise LookupError(f"{table} has no column {sorted(missing)}")
    names = [name for name in columns if name != "id"]
    values = ", ".join(expressions.get(name, f"one.{name}").replace("{n}", "numbers.n") for name in names)
    first = f"(SELECT * FROM {table} ORDER BY id LIMIT 1) AS one"
    return f"{numbers} INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {first}"
