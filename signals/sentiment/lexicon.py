"""The default: VADER (Hutto and Gilbert, 2014) with words of finance added. It is crude: it counts words.

The added weights follow the scale of VADER's own lexicon (-4 … 4); the words are from the lists of Loughran and
McDonald (2011) that VADER does not know or takes the other way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

from signals.market.history.base import Headline

from .base import NOTHING, Mood

_FINANCE = {
    "beat": 2.0, "beats": 2.0, "surge": 2.4, "surges": 2.4, "soar": 2.6, "soars": 2.6, "rally": 1.9, "rallies": 1.9,
    "upgrade": 2.0, "upgraded": 2.0, "outperform": 1.9, "buyback": 1.4, "record": 1.2, "raises": 1.2, "tops": 1.5,
    "bullish": 2.4, "rebound": 1.5, "breakthrough": 2.1, "dividend": 0.8, "approval": 1.5, "guidance": 0.0,
    "miss": -1.9, "misses": -1.9, "plunge": -2.6, "plunges": -2.6, "slump": -2.1, "slumps": -2.1, "tumble": -2.2,
    "tumbles": -2.2, "downgrade": -2.1, "downgraded": -2.1, "underperform": -1.8, "bearish": -2.3, "layoffs": -1.8,
    "lawsuit": -1.7, "probe": -1.5, "recall": -1.7, "bankruptcy": -3.2, "default": -2.2, "fraud": -3.1,
    "selloff": -2.1, "cuts": -1.2, "halts": -1.3, "delisting": -2.4, "shares": 0.0, "crude": 0.0, "gross": 0.0,
}  # fmt: skip
_CLEAR = 0.05  # VADER's own bound between neutral and not


class LexiconSentiment:
    trouble = ""

    def read(self, headlines: Sequence[Headline]) -> Mood:
        if not headlines:
            return NOTHING
        return mood_of([float(_analyser().polarity_scores(each.title)["compound"]) for each in headlines])


def mood_of(scores: Sequence[float]) -> Mood:
    """The mean of scores from -1 to 1, at least one; the more headlines agree, the surer."""
    score = sum(scores) / len(scores)
    word = "positive" if score >= _CLEAR else "negative" if score <= -_CLEAR else "neutral"
    agree = sum(1 for each in scores if each * score > 0) / len(scores)
    confidence = agree * (1 - math.exp(-len(scores) / 5))
    return Mood(sentiment=word, score=score, confidence=round(confidence, 4), headlines=len(scores))


@cache
def _analyser() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    analyser.lexicon.update(_FINANCE)
    return analyser
