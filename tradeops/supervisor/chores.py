"""Small regular work of the process that holds the dispatcher's lease: so one on all hosts does it, and each is done
again soon after that process was killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db import Error

from tradeops.core import logs

logger = logs.get(__name__)


class Work(Protocol):
    def __call__(self, *, now: datetime) -> None:
        """Milliseconds: signals wait meanwhile."""


@dataclass(frozen=True)
class Chore:
    name: str
    work: Work
    every_seconds: float


class Chores:
    """`look` does what is due; the first time, all of it."""

    def __init__(self, chores: Sequence[Chore], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._due = {chore: float("-inf") for chore in chores}

    def look(self, *, now: datetime) -> None:
        """Raises the database's errors, as dispatching does. Any other fault of a chore is its own: it is logged and
        tried again when it is due."""
        for chore, due in self._due.items():
            if self._monotonic() < due:
                continue
            self._due[chore] = self._monotonic() + chore.every_seconds
            try:
                chore.work(now=now)
            except Error:
                raise
            except Exception:
                logger.exception("a chore failed", chore=chore.name)
