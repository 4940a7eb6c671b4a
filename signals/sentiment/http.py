"""Sentiment by an HTTP model of one's own: `POST {"texts": […]}` → `{"scores": [-1 … 1]}` (A2).

What it cannot tell, the lexicon tells; and once it could not, all that follows, so that one that hangs holds up a run
once and not once for each symbol.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from django.conf import settings

from signals.market.history.base import Headline
from tradeops.core import ask, logs

from .base import NOTHING, Mood
from .lexicon import LexiconSentiment, mood_of

logger = logs.get(__name__)
TIMEOUT_SECONDS = 10.0


class HttpSentiment:
    """One is made for each run."""

    def __init__(self) -> None:
        self.trouble = ""

    def read(self, headlines: Sequence[Headline]) -> Mood:
        if not headlines:
            return NOTHING
        if not self.trouble:
            try:
                return mood_of(_scores([headline.title for headline in headlines]))
            except ask.NoAnswer as error:
                self.trouble = f"the sentiment model {error}; the lexicon read the headlines"
                logger.warning(self.trouble)
        return LexiconSentiment().read(headlines)


def _scores(texts: list[str]) -> list[float]:
    """Raises NoAnswer also for an answer that is none."""
    answer = ask.post(settings.SENTIMENT_URL, {"texts": texts}, headers={}, seconds=TIMEOUT_SECONDS)
    if answer.status != 200:
        raise ask.NoAnswer(f"answered {answer.status}")
    try:
        found = [float(value) for value in json.loads(answer.content)["scores"]]
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        raise ask.NoAnswer("answers with something else than scores") from None
    if len(found) != len(texts) or not all(math.isfinite(value) and -1 <= value <= 1 for value in found):
        raise ask.NoAnswer("answers with other scores than one from -1 to 1 for each headline")
    return found
