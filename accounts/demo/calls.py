"""One request as its endpoint sees it, after it was let in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .books import Books
from .faults import Fault
from .venue import Venue


@dataclass(frozen=True, kw_only=True)
class Call:
    """`body` is what the JSON was (an object or a list); `expires` the expTime header in seconds, None without."""

    venue: Venue
    books: Books
    query: dict[str, str]
    body: Any = None
    expires: float | None = None
    received: float = 0
    faults: dict[str, Fault] = field(default_factory=dict)

    @property
    def expired(self) -> bool:
        return (
            self.expires is not None and not self.venue.faults.modes.ignore_expiry and self.venue.now() > self.expires
        )


Endpoint = Callable[[Call], dict[str, Any]]
