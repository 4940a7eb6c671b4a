"""State machines as one literal table beside their only writer."""

from __future__ import annotations

from collections.abc import Mapping

from .errors import Conflict

Transitions = Mapping[str, frozenset[str]]


def check(table: Transitions, *, current: str, target: str, what: str) -> None:
    """Raises Conflict when `current → target` is not in the table."""
    if target not in table.get(current, frozenset()):
        raise Conflict(f"{what} is {current}: it cannot become {target}.", code="illegal_transition")
