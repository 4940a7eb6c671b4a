"""Daily prices for demos and tests: the seeded walk of `market.simulated`, read once a day; days are UTC's."""

from __future__ import annotations

import hashlib
import math
import random
from datetime import date, datetime, timedelta

from .base import DayBar, Headline

_EPOCH = date(2020, 1, 1)


class SimulatedHistory:
    """A geometric walk with a drift and slow swings of its own, the same for everybody who names the symbol."""

    def bars(self, symbol: str, *, days: int, now: datetime) -> list[DayBar]:
        closes = self._closes(symbol, now.date())
        found = []
        for (day, close), (_, before) in zip(closes[1:], closes, strict=False):
            high, low = max(close, before) * 1.004, min(close, before) * 0.996
            found.append(DayBar(day, before, high, low, close, 1_000_000.0, final=day < now.date()))
        return found[-days:]

    def headlines(self, symbol: str, *, now: datetime) -> list[Headline]:
        return []

    @staticmethod
    def _closes(symbol: str, until: date) -> list[tuple[date, float]]:
        digest = hashlib.sha256(symbol.encode()).digest()
        noise = random.Random(digest)  # noqa: S311  (prices of a demo)
        level = 20 + digest[0]
        drift, swing, period = (digest[1] - 128) / 400_000, 0.02 + digest[2] / 6000, 40 + digest[3] / 4
        found: list[tuple[date, float]] = []
        walk, day = 0.0, _EPOCH
        while day <= until:
            if day.weekday() < 5:
                walk += drift + noise.gauss(0, 0.011)
                wave = swing * math.sin(2 * math.pi * len(found) / period)
                found.append((day, round(level * math.exp(walk + wave), 2)))
            day += timedelta(days=1)
        return found
