"""Sentiment: what the latest analysis read out of the headlines of the symbol."""

from __future__ import annotations

from decimal import Decimal

from signals.engines.evidence import Evidence

from .analysed import problem
from .base import Answer, Given, abstain, hold, leaning, number

_SIGNS = {"positive": 1.0, "negative": -1.0}


class SentimentAgent:
    weight = Decimal(1)
    settings = {"max_age_hours": number("24", least="0.1")}

    def bars(self, given: Given) -> int:
        return 0

    def look(self, evidence: Evidence, given: Given) -> Answer:
        told = evidence.analysis
        if told is None or (missing := problem(evidence, told, hours=given["max_age_hours"])):
            return abstain(evidence.analysis_problem if told is None else missing)
        if not told.sentiment:
            return abstain("the analysis read no headlines")
        said = f"headlines are {told.sentiment}"
        if told.sentiment not in _SIGNS:
            return hold(said)
        return leaning(_SIGNS[told.sentiment] * told.sentiment_confidence, said)
