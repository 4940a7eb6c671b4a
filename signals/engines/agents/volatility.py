"""Volatility: whether the last close breaks out of what was usual; where everything jumps, it sees nothing."""

from __future__ import annotations

from decimal import Decimal

from signals.engines import indicators
from signals.engines.evidence import Evidence

from .base import Answer, Given, abstain, count, hold, leaning, number


class VolatilityAgent:
    weight = Decimal(1)
    settings = {
        "period": count(20, least=2),
        "breakout": number("1"),  # standard deviations from the mean
        "full": number("3", least="0.01"),  # from which on it is as sure as can be
        "wild": number("0.05", least="0.0001"),  # average true range of a bar as a share of the price
    }

    def bars(self, given: Given) -> int:
        return 2 * int(given["period"])

    def look(self, evidence: Evidence, given: Given) -> Answer:
        if evidence.bars is None:
            return abstain(evidence.bars_problem)
        rows = evidence.bars.rows
        distance = indicators.deviations(rows, period=int(given["period"]))
        wild = indicators.atr(rows, period=int(given["period"]) - 1) / rows[-1].close
        if wild > given["wild"]:
            return hold(f"a bar moves {wild:.2%}: too wild to tell")
        said = f"the close is {distance:+.2f} standard deviations from the mean of {given['period']}"
        if abs(distance) < given["breakout"]:
            return hold(f"{said}: as usual")
        return leaning(distance / float(given["full"]), said)
