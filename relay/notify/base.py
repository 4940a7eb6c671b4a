"""The seam between the portal and where people are told: one Protocol, frozen values, errors by what to do next.

NotifierError
├── NotifierTemporary   try again later: after `retry_after` seconds if the service said so
└── NotifierFinal       trying again cannot help; a person must mend the channel
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tradeops.core.errors import TradeOpsError
from tradeops.core.events import Level


class NotifierError(TradeOpsError):
    """Its text is stored and shown: never a token, never a URL with one."""

    code = "notifier"


class NotifierTemporary(NotifierError):
    permanent = False

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotifierFinal(NotifierError):
    """`mend`: nothing at all can be told there until a person has mended it (a wrong token, an unknown chat), so what
    waits is kept. Otherwise it is this message that is refused."""

    def __init__(self, message: str, *, mend: bool = False) -> None:
        super().__init__(message)
        self.mend = mend


@dataclass(frozen=True)
class Destination:
    """A channel's, in its notifier's own terms (`Channel.target`, `Channel.secret`); both may be empty."""

    target: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class NotifierMessage:
    """`title` is one plain sentence, `details` are label and value; neither is escaped for any medium.

    `id` is the same on each try, for those who can tell a repeat by it.
    """

    id: str
    event: str
    level: Level
    title: str
    at: datetime
    details: tuple[tuple[str, str], ...] = ()


class Notifier(Protocol):
    """Made in the thread that uses it, for one run of the sender; keeps its connection until `close`."""

    def send(self, message: NotifierMessage, *, to: Destination) -> None:
        """Tells them within about ten seconds.

        Raises NotifierTemporary or NotifierFinal.
        """

    def close(self) -> None: ...
