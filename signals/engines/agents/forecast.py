"""Forecast: the latest model's direction, by how far its probability is from a coin's."""

from __future__ import annotations

from decimal import Decimal

from signals.engines.evidence import Evidence

from .analysed import problem
from .base import Answer, Given, abstain, leaning, number

_SIGNS = {"UP": 1.0, "DOWN": -1.0}


class ForecastAgent:
    weight = Decimal(1)
    settings = {"max_age_hours": number("24", least="0.1")}

    def bars(self, given: Given) -> int:
        return 0

    def look(self, evidence: Evidence, given: Given) -> Answer:
        told = evidence.analysis
        if told is None or (missing := problem(evidence, told, hours=given["max_age_hours"])):
            return abstain(evidence.analysis_problem if told is None else missing)
        if told.direction not in _SIGNS:
            return abstain("the analysis has no forecast")
        said = f"{told.model} says {told.direction.lower()} with {told.probability:.0%} probability"
        return leaning(_SIGNS[told.direction] * (2 * told.probability - 1), said)
