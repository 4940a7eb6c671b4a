"""OKX's own limit on orders: 60 in any 2 seconds for one account and instrument (docs-v5, "Place order")."""

from __future__ import annotations

from collections import deque

from .wire import Refusal

MOST = 60
SECONDS = 2.0


class Limits:
    def __init__(self) -> None:
        self._taken: dict[tuple[str, str], deque[float]] = {}

    def take(self, account: str, inst_id: str, at: float) -> None:
        """Raises Refusal 50011; what was refused does not count."""
        taken = self._taken.setdefault((account, inst_id), deque())
        while taken and taken[0] <= at - SECONDS:
            taken.popleft()
        if len(taken) >= MOST:
            raise Refusal("50011")
        taken.append(at)
