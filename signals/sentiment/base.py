"""What headlines say of a symbol (A2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from signals.market.history.base import Headline


@dataclass(frozen=True, kw_only=True)
class Mood:
    """`score` from -1 to 1; `confidence` from 0 to 1 and 0 without headlines."""

    sentiment: str  # positive, negative, neutral
    score: float
    confidence: float
    headlines: int

    @property
    def recommendation(self) -> str:
        return {"positive": "BUY", "negative": "SELL"}.get(self.sentiment, "HOLD")


NOTHING = Mood(sentiment="neutral", score=0.0, confidence=0.0, headlines=0)


class SentimentProvider(Protocol):
    trouble: str  # why it could not tell by itself, once it could not; empty = it could

    def read(self, headlines: Sequence[Headline]) -> Mood: ...
