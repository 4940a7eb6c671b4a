"""Rows that only tell of what happened, written together at the end of a transaction in which much happens.

Outside of `together` they are written at once. Nothing in such a transaction may look for them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Write = Callable[[Sequence[Any]], object]


class _Waiting(threading.local):
    by_write: dict[Write, list[Any]] | None = None


_waiting = _Waiting()


def write(by: Write, items: Sequence[Any]) -> None:
    """Has `by` write the items: now, or with all others that wait for it."""
    if _waiting.by_write is None:
        by(items)
    else:
        _waiting.by_write.setdefault(by, []).extend(items)


@contextmanager
def together() -> Iterator[None]:
    """To be opened in a transaction. What comes within is written at its end; nothing of it if the block fails."""
    if _waiting.by_write is not None:
        yield
        return
    _waiting.by_write = {}
    try:
        yield
        found, _waiting.by_write = _waiting.by_write, None
        for by, items in found.items():
            by(items)
    finally:
        _waiting.by_write = None


@contextmanager
def part() -> Iterator[None]:
    """What comes within is dropped if the block fails, as a savepoint drops rows."""
    before = {by: len(items) for by, items in (_waiting.by_write or {}).items()}
    try:
        yield
    except BaseException:
        for by, items in (_waiting.by_write or {}).items():
            del items[before.get(by, 0) :]
        raise
