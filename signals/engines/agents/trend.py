"""Trend: where the fast average stands to the slow one, measured in average true ranges."""

from __future__ import annotations

from decimal import Decimal

from signals.engines import indicators
from signals.engines.evidence import Evidence

from .base import Answer, Given, abstain, count, hold, leaning, number


class TrendAgent:
    weight = Decimal(1)
    settings = {
        "fast": count(12),
        "slow": count(26),
        "atr": count(14),
        "flat": number("0.1"),  # average true ranges within which there is no trend
        "full": number("2", least="0.01"),  # and from which on it is as sure as can be
    }

    def bars(self, given: Given) -> int:
        # An exponential average forgets its beginning after some three periods.
        return 3 * int(max(given["fast"], given["slow"], given["atr"]))

    def look(self, evidence: Evidence, given: Given) -> Answer:
        if evidence.bars is None:
            return abstain(evidence.bars_problem)
        rows = evidence.bars.rows
        fast, slow = (indicators.ema(rows, period=int(given[name])) for name in ("fast", "slow"))
        unit = indicators.atr(rows, period=int(given["atr"]))
        if unit <= 0:
            return hold("nothing moved")
        gap = (fast - slow) / unit
        said = f"EMA {given['fast']} is {gap:+.2f} average true ranges from EMA {given['slow']}"
        if abs(gap) < given["flat"]:
            return hold(f"{said}: no trend")
        return leaning(gap / float(given["full"]), said)
