"""Prices that a score waits for and that no plan asks for any more: asked for beside a run, few at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime

from signals.market.history import store
from signals.market.history.base import HistorySource, NoHistory, history_source
from tradeops.core.errors import ConfigurationError

# Beside a run, which must not take much longer for it: the next one asks for the next ones.
MOST = 10
SECONDS = 5.0
Pair = tuple[str, str]  # source, symbol


@dataclass
class Seeker:
    """`asked` are those that the run itself has asked for; `troubles` say what went wrong with others."""

    now: datetime
    asked: set[Pair]
    troubles: list[str] = field(default_factory=list)
    _sources: dict[str, HistorySource] = field(default_factory=dict)
    _count: int = 0
    _ends: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    def __call__(self, source: str, symbol: str) -> bool:
        """Whether that symbol was asked for in this run, by now."""
        if (source, symbol) in self.asked:
            return True
        if self._count >= MOST or time.monotonic() > self._ends:
            return False
        self._count += 1
        try:
            if source not in self._sources:
                self._sources[source] = history_source(source)
            store.history(self._sources[source], name=source, symbol=symbol, days=store.DAYS, now=self.now)
        except (NoHistory, ConfigurationError) as error:
            self.troubles.append(f"an earlier forecast of {symbol} has no price to score it by: {source}: {error}")
        return True
