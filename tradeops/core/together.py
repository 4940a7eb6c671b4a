"""Short write transactions of several threads of a process, committed as one, with as few statements as for one.

Threads that write a few rows each, at the same moments, wait for each other longer than they write: on SQLite for the
one lock, on PostgreSQL for a dozen round trips each to the server. So the one that is at it does the work of those that
wait behind it too, all of it at once; each is told only once it is committed. What fails together is done again one by
one, so that each hears of its own end alone.
"""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Generic, Protocol, TypeVar

from django.db import connection, models, transaction

from . import cohort, later


class Item(Protocol):
    """What is worked on, with the instance that the work changes: as it was, if the work is undone."""

    @property
    def order(self) -> models.Model: ...


T = TypeVar("T", bound=Item)
R = TypeVar("R")
Work = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(eq=False)
class _Piece:
    work: Work
    item: Any
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    over: bool = False
    result: Any = None
    error: BaseException | None = None
    before: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.before = dict(self.item.order.__dict__)

    def run_alone(self) -> None:
        try:
            self.item.order.__dict__.update(self.before)
            with transaction.atomic(), later.together():
                [self.result] = self.context.run(self.work, [self.item])
        except Exception as error:  # noqa: BLE001  (it is the caller's, who waits for it)
            self.error = error


class _Line:
    """Those that wait, and whose turn it is."""

    def __init__(self) -> None:
        _lines.append(self)
        self.forget()

    def forget(self) -> None:
        self.waiting: list[_Piece] = []
        self.queue, self.turn = threading.Lock(), threading.Lock()

    def taken(self) -> list[_Piece]:
        with self.queue:
            found, self.waiting = self.waiting, []
        return found


_lines: list[_Line] = []
_of_everybody = _Line()


def _forget() -> None:
    """In a new process, whose parent may have been at it: its threads are not here."""
    for line in _lines:
        line.forget()


os.register_at_fork(after_in_child=_forget)


class Together(Generic[T, R]):
    """Work that is done for several items in one transaction: as many results as items, in their order.

    Those of one cohort wait a moment for each other, see `cohort`. The work uses no network, must not count on other
    rows than it locks or writes itself to be committed, and can be done again after it was undone. SQLite has one
    writer: there all kinds of work share their commits.
    """

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R]]) -> None:
        self._work = work
        self._line = _Line()

    def write(self, item: T) -> R:
        """What the work gives for the item, or what it raises, once its transaction is committed."""
        if connection.in_atomic_block:
            with transaction.atomic():
                return self._work([item])[0]
        line = _of_everybody if connection.vendor == "sqlite" else self._line
        mine = _Piece(self._work, item)
        with line.queue:
            line.waiting.append(mine)
        cohort.meet(self)
        with line.turn:
            if not mine.over:
                _commit(mine, line)
        if mine.error is not None:
            raise mine.error
        result: R = mine.result
        return result


def _commit(mine: _Piece, line: _Line) -> None:
    """Everything that waits by the time that the lock is held; what keeps the transaction from it is everybody's."""
    found: list[_Piece] = []
    try:
        with transaction.atomic(), later.together():
            found = line.taken()
            _run(found)
    except BaseException as error:
        if isinstance(error, Exception) and len(found) > 1:
            for piece in found:
                piece.run_alone()
        else:
            for piece in found or _left(mine, line):
                piece.error = error
        if not isinstance(error, Exception):
            raise
    finally:
        for piece in found:
            piece.over = True


def _run(found: Sequence[_Piece]) -> None:
    """Work of one kind at once, the kinds in the order in which they came."""
    kinds = {piece.work: number for number, piece in reversed(list(enumerate(found)))}
    for work, some in groupby(sorted(found, key=lambda piece: kinds[piece.work]), key=lambda piece: piece.work):
        pieces = list(some)
        for piece, result in zip(pieces, work([piece.item for piece in pieces]), strict=True):
            piece.result = result


def _left(mine: _Piece, line: _Line) -> list[_Piece]:
    """The lock was not to be had: the others try for themselves."""
    with line.queue:
        line.waiting.remove(mine)
    return [mine]
