"""Which provider reads headlines."""

from __future__ import annotations

from django.conf import settings
from django.utils.module_loading import import_string

from .base import SentimentProvider


def sentiment() -> SentimentProvider:
    """The HTTP model where one is set up, else the lexicon."""
    found: SentimentProvider = import_string(settings.SENTIMENTS["http" if settings.SENTIMENT_URL else "lexicon"])()
    return found
