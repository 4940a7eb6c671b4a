"""Momentum: the relative strength index; a move that has gone too far is no longer followed."""

from __future__ import annotations

from decimal import Decimal

from signals.engines import indicators
from signals.engines.evidence import Evidence

from .base import Answer, Given, abstain, count, hold, leaning, number


class MomentumAgent:
    weight = Decimal(1)
    settings = {
        "period": count(14, least=2),
        "band": number("5", most="50"),  # points around 50 within which there is none
        "exhausted": number("30", most="50"),  # points from 50 from which on it is too late
    }

    def bars(self, given: Given) -> int:
        return 4 * int(given["period"])

    def look(self, evidence: Evidence, given: Given) -> Answer:
        if evidence.bars is None:
            return abstain(evidence.bars_problem)
        rows = evidence.bars.rows
        value = indicators.rsi(rows, period=int(given["period"]))
        if min(bar.close for bar in rows) == max(bar.close for bar in rows):
            return hold("nothing moved")
        distance = value - 50
        said = f"RSI {given['period']} is {value:.1f}"
        if abs(distance) >= given["exhausted"]:
            return hold(f"{said}: {'overbought' if distance > 0 else 'oversold'}")
        if abs(distance) < given["band"]:
            return hold(f"{said}: no momentum")
        return leaning(distance / 50, said)
