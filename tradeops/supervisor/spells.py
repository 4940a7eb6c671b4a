"""Whether a process dies again and again: one death is mended by a restart, the third within minutes is not."""

from __future__ import annotations

from collections import defaultdict, deque

WITHIN_SECONDS = 300.0
MANY = 3


class Spells:
    """Times are seconds of a monotonic clock, of the deaths themselves: they may be told much later."""

    def __init__(self) -> None:
        self._deaths: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MANY))
        self._told: set[str] = set()

    def died(self, name: str, *, at: float) -> bool:
        """Whether this death makes it a spell that nobody was told of; `told` ends that until the spell is over."""
        deaths = self._deaths[name]
        deaths.append(at)
        if len(deaths) < MANY or at - deaths[0] > WITHIN_SECONDS:
            self._told.discard(name)
            return False
        return name not in self._told

    def told(self, name: str) -> None:
        self._told.add(name)
