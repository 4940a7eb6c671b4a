"""From a forecast and a mood to a score, an action and a sentence (A2). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from signals.forecast.base import Prediction
from signals.sentiment.base import Mood

_WORDS = {"UP": "up", "DOWN": "down"}


@dataclass(frozen=True)
class Weights:
    """`sentiment` is the mood's share of the score when it is sure of itself; thresholds are on the score's size."""

    sentiment: float
    buy_above: float
    strong_above: float


@dataclass(frozen=True)
class Verdict:
    """`score` from -1 (sell) to 1 (buy); `confidence` from 0.5 to 1, the probability that its side is right."""

    score: float
    confidence: float
    action: str
    reasoning: str


def combine(prediction: Prediction, mood: Mood, *, last: float, weights: Weights) -> Verdict:
    """The forecast counts by how far its probability is from a coin's, the mood by its score and its confidence."""
    sign = 1 if prediction.direction == "UP" else -1
    forecast = sign * (2 * prediction.confidence - 1)
    share = weights.sentiment * mood.confidence
    # Rounded, so that a score at a threshold is not kept below it by its binary digits.
    score = round(max(-1.0, min(1.0, (1 - share) * forecast + share * mood.score)), 6)
    action = _action(score, weights)
    return Verdict(
        score=score, confidence=0.5 + abs(score) / 2, action=action, reasoning=_sentence(prediction, mood, last, action)
    )


def _action(score: float, weights: Weights) -> str:
    if abs(score) < weights.buy_above or score == 0:
        return "HOLD"
    side = "BUY" if score > 0 else "SELL"
    return f"{side} STRONG" if abs(score) >= weights.strong_above else side


def _sentence(prediction: Prediction, mood: Mood, last: float, action: str) -> str:
    change = (prediction.price / last - 1) * 100
    text = (
        f"{prediction.model} expects {prediction.price:.2f} ({change:+.2f} %, {_WORDS[prediction.direction]} with "
        f"{prediction.confidence:.0%} probability)"
    )
    if mood.headlines:
        text += f"; {mood.headlines} headlines are {mood.sentiment} ({mood.score:+.2f})"
    else:
        text += "; no headlines"
    return f"{text}: {action}."
