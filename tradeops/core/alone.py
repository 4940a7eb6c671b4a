"""One at a time, of all threads and processes, without a row: freed by the database or the kernel when its holder dies.

For work that gains nothing from company and may be left to whoever has it now. A lease (`lease`) is for what must be
held for longer than a moment.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def alone(name: str) -> Iterator[bool]:
    """True for one caller at a time; False at once for the others.

    PostgreSQL: an advisory lock of the transaction that this opens. SQLite: a lock on a file beside the database,
    since all of its processes are on one machine; no transaction is opened.
    """
    if connection.vendor == "postgresql":
        with transaction.atomic():
            yield _advisory(name)
        return
    descriptor = os.open(
        f"{connection.settings_dict['NAME']}-{name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
    )
    try:
        yield _locked(descriptor)
    finally:
        os.close(descriptor)


def taken(name: str) -> bool:
    """Whether somebody is at it now."""
    with alone(name) as mine:
        return not mine


def _advisory(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [zlib.crc32(name.encode())])
        return bool(cursor.fetchone()[0])


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
