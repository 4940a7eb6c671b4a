"""On start of the portal every account is compared with its venue, whatever was done while nobody looked (X7)."""

from __future__ import annotations

from datetime import datetime

from signals.models import Reconciliation
from signals.reconciliation import cursor

from .duties import at_venues

EVERY_SECONDS = 3600.0


class Starter:
    """The dispatcher's chore: the first look of a process asks for it, the others do nothing."""

    def __init__(self) -> None:
        self._asked = False

    def look(self, *, now: datetime) -> None:
        if not self._asked:
            cursor.ask(at_venues(), now=now, cause=Reconciliation.Cause.START)
            self._asked = True


_of_this_process = Starter()


def look(*, now: datetime) -> None:
    _of_this_process.look(now=now)
