"""An authenticated message on its way to the database, and what became of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from signals.receive import Alert
from tradeops.core.errors import InvalidPayload

from .arrival import Arrival
from .payload import Message
from .sources import Sender


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A new signal, or the one that the message repeats."""

    signal_id: str
    routes: list[str]
    duplicate: bool
    variants: dict[str, str] = field(default_factory=dict)  # of the routes under an experiment: strategy → engine

    @property
    def experiment(self) -> str | None:
        """The first of them; its strategy's slug is its id."""
        return next((slug for slug in self.routes if slug in self.variants), None)


def _closed() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(kw_only=True, slots=True, eq=False)
class Entry:
    """`message` and `alert` are there unless `refusal` says why not. In the end there is an `outcome` or an `error`."""

    arrival: Arrival
    sender: Sender
    message: Message | None = None
    alert: Alert | None = None
    refusal: InvalidPayload | None = None
    outcome: Outcome | None = None
    error: Exception | None = None
    settled: threading.Lock = field(default_factory=_closed)  # opens when the entry has its end
    abandoned: bool = False  # nobody waits for it any more

    def result(self) -> Outcome:
        if self.error is not None:
            raise self.error
        assert self.outcome is not None
        return self.outcome
