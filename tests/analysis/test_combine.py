"""Score, action and sentence (A2)."""

import pytest

from signals.analysis.combine import Weights, combine
from signals.forecast.base import Prediction
from signals.sentiment.base import NOTHING, Mood

WEIGHTS = Weights(sentiment=0.3, buy_above=0.2, strong_above=0.6)


def prediction(direction="UP", confidence=0.5, price=101.0):
    return Prediction(
        model="Statistical", price=price, low=95.0, high=105.0, direction=direction, confidence=confidence
    )


def mood(score, confidence=1.0):
    word = "positive" if score > 0 else "negative" if score < 0 else "neutral"
    return Mood(sentiment=word, score=score, confidence=confidence, headlines=3)


@pytest.mark.parametrize(
    ("direction", "confidence", "action", "score"),
    [
        ("UP", 0.5, "HOLD", 0.0),
        ("UP", 0.59, "HOLD", 0.18),
        ("UP", 0.6, "BUY", 0.2),
        ("UP", 0.79, "BUY", 0.58),
        ("UP", 0.8, "BUY STRONG", 0.6),
        ("UP", 1.0, "BUY STRONG", 1.0),
        ("DOWN", 0.59, "HOLD", -0.18),
        ("DOWN", 0.6, "SELL", -0.2),
        ("DOWN", 0.8, "SELL STRONG", -0.6),
    ],
)
def test_the_forecast_alone(direction, confidence, action, score):
    told = combine(prediction(direction, confidence), NOTHING, last=100.0, weights=WEIGHTS)
    assert told.action == action
    assert told.score == pytest.approx(score)
    assert told.confidence == pytest.approx(0.5 + abs(score) / 2)


@pytest.mark.parametrize(
    ("feeling", "sure", "score"),
    [
        (1.0, 1.0, 0.7 * 0.2 + 0.3),
        (-1.0, 1.0, 0.7 * 0.2 - 0.3),
        (-1.0, 0.5, 0.85 * 0.2 - 0.15),  # half as sure, half the weight
        (1.0, 0.0, 0.2),  # a mood without headlines has no weight
    ],
)
def test_the_mood_counts_by_its_confidence(feeling, sure, score):
    told = combine(prediction("UP", 0.6), mood(feeling, sure), last=100.0, weights=WEIGHTS)
    assert told.score == pytest.approx(score)


def test_the_sentence_says_what_it_rests_on():
    told = combine(prediction("UP", 0.7), mood(0.4), last=100.0, weights=WEIGHTS)
    assert told.reasoning == (
        "Statistical expects 101.00 (+1.00 %, up with 70% probability); 3 headlines are positive (+0.40): BUY."
    )
    quiet = combine(prediction("DOWN", 0.7, price=99.0), NOTHING, last=100.0, weights=WEIGHTS)
    assert quiet.reasoning == ("Statistical expects 99.00 (-1.00 %, down with 70% probability); no headlines: SELL.")


def test_thresholds_are_the_plans():
    bold = Weights(sentiment=0.3, buy_above=0.0, strong_above=0.1)
    assert combine(prediction("UP", 0.51), NOTHING, last=100.0, weights=bold).action == "BUY"
    assert combine(prediction("UP", 0.55), NOTHING, last=100.0, weights=bold).action == "BUY STRONG"
    assert combine(prediction("UP", 0.5), NOTHING, last=100.0, weights=bold).action == "HOLD"
