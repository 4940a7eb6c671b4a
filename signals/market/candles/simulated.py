"""Bars of the simulated prices: the walk of `market.simulated`, read a few times within each bar."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import UTC, datetime

from accounts.models import Account
from signals.market.bars import TIMEFRAMES, Bar
from signals.market.simulated import SimulatedPrices

LOOKS = 4  # at its beginning, twice between, at its end


class SimulatedBars:
    def key(self, account: Account | None) -> Hashable:
        return None

    def bars(self, symbol: str, *, timeframe: str, count: int, account: Account | None, now: datetime) -> list[Bar]:
        step = TIMEFRAMES[timeframe]
        last = datetime.fromtimestamp(now.timestamp() // step.total_seconds() * step.total_seconds(), UTC)
        return [_bar(symbol, last - step * number, timeframe) for number in range(count, 0, -1)]


def _bar(symbol: str, at: datetime, timeframe: str) -> Bar:
    walk, step = SimulatedPrices(), TIMEFRAMES[timeframe]
    seen = [float(walk.price(symbol, at + step * number / (LOOKS - 1))) for number in range(LOOKS)]
    return Bar(at, seen[0], max(seen), min(seen), seen[-1], 1000.0)
