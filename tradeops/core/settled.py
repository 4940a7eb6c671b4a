"""Up to which id the rows of a table are settled: no lower one can appear any more, so a reader may go on from there.

On SQLite ids are drawn under the write lock, so their order is that of the commits and every visible row is settled.

On PostgreSQL an id is drawn long before its commit: a reader that has seen 100 may have passed 99, whose transaction is
still open. Comparing the rows' transactions with `pg_snapshot_xmin` does not help a cursor of ids, since an older
transaction may draw the higher id (A begins, B begins and draws 99, A draws 100 and commits: A is older than whatever
is running, and 99 is still to come). What tells is a lock: `nextval` takes ROW EXCLUSIVE on the sequence before it
draws and keeps it to the end of the outermost transaction (`lock_and_open_sequence` in PostgreSQL's sequence.c), and
transactions become visible before their locks are released. So ids without a gap are settled at once; where one is
missing, those who hold the lock then are noted, and when all of them are gone it was never written. Nothing is asked
of who writes but that the ids of a row are drawn in the transaction that inserts it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import cached_property

from django.db import connection, models

# Rows that are looked through for gaps at once; where nobody has asked for long, there may be millions.
MOST = 10_000


@dataclass(frozen=True)
class _Known:
    """Ids up to `upto` are settled; those up to `barrier` will be when none of `holders` is left."""

    upto: int | None = None
    barrier: int = 0
    holders: frozenset[str] = frozenset()


class Settled:
    """Of one table, for every thread of this process. Call it outside of transactions: each question looks anew."""

    def __init__(self, model: type[models.Model]) -> None:
        self._table = model._meta.db_table
        self._known = _Known()
        self._swap = threading.Lock()

    def upto(self) -> int | None:
        """The highest settled id; None as long as this process does not know: the next call may.

        A few small statements: one where nothing is missing.
        """
        if connection.vendor != "postgresql":
            return self._newest()
        found = self._look(self._known)
        with self._swap:
            if (found.upto or 0) >= (self._known.upto or 0):  # another thread may have come further
                self._known = found
        return found.upto

    def last_drawn(self) -> int:
        """The highest id that was ever given away, of rows that are gone too."""
        if connection.vendor == "postgresql":
            return self._number(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {self._sequence}")  # noqa: S608
        return self._number("SELECT seq FROM sqlite_sequence WHERE name = %s", self._table)

    def _look(self, known: _Known) -> _Known:
        if known.holders:
            left = known.holders & self._holders()
            known = replace(known, holders=left) if left else _Known(upto=max(known.upto or 0, known.barrier))
        newest, unbroken = self._rows(known.upto)
        if unbroken is not None:
            known = replace(known, upto=unbroken)
        if newest == known.upto or known.holders:
            return known
        # After the look at the rows: whoever had drawn an id below the newest by then is among them, or has ended.
        holders = self._holders()
        return replace(known, barrier=newest, holders=holders) if holders else _Known(upto=newest)

    def _rows(self, upto: int | None) -> tuple[int, int | None]:
        """The newest id, and the end of those that follow on `upto` without a gap (None: there are none).

        Of `MOST` at a time: beyond them it goes by the lock alone.
        """
        if upto is None:  # the whole table is not counted
            return self._newest(), None
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT (SELECT max(id) FROM "{self._table}"), max(id) FILTER (WHERE id - n = %s) FROM'  # noqa: S608
                f' (SELECT id, row_number() OVER (ORDER BY id) AS n FROM "{self._table}" WHERE id > %s'
                " ORDER BY id LIMIT %s) AS later",
                [upto, upto, MOST],
            )
            newest, unbroken = cursor.fetchone()
        return max(newest or 0, upto), unbroken

    def _newest(self) -> int:
        return self._number(f'SELECT max(id) FROM "{self._table}"')  # noqa: S608

    def _holders(self) -> frozenset[str]:
        """The transactions that have drawn an id, but this connection's, whose rows are visible to it."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND mode = 'RowExclusiveLock'"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND relation = %s::regclass::oid AND granted AND pid IS DISTINCT FROM pg_backend_pid()",
                [self._sequence],
            )
            return frozenset(name for [name] in cursor.fetchall())

    @cached_property
    def _sequence(self) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [f'"{self._table}"'])
            return str(cursor.fetchone()[0])

    @staticmethod
    def _number(statement: str, *values: str) -> int:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            row = cursor.fetchone()
        return (row[0] or 0) if row else 0
