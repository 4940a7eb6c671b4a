"""What headlines say, by the lexicon and by a model of one's own (A2)."""

import json
from datetime import UTC, datetime

import pytest
import responses

from signals.market.history.base import Headline
from signals.sentiment import http
from signals.sentiment.base import NOTHING
from signals.sentiment.http import HttpSentiment
from signals.sentiment.lexicon import LexiconSentiment, mood_of
from signals.sentiment.registry import sentiment
from tests.fakes.asked import running_service

AT = datetime(2026, 11, 20, tzinfo=UTC)
URL = "http://127.0.0.1:9/sentiment"


def headlines(*titles):
    return [Headline(title, AT) for title in titles]


@pytest.mark.parametrize(
    ("title", "word"),
    [
        ("Apple beats estimates and raises its dividend", "positive"),
        ("Shares surge after the upgrade", "positive"),
        ("Tesla plunges as deliveries miss", "negative"),
        ("Bank cuts staff amid fraud probe", "negative"),
        ("Company to report results on Tuesday", "neutral"),
        ("Crude inventories and gross margin", "neutral"),  # negative words elsewhere, not in finance
    ],
)
def test_words_of_finance(title, word):
    assert LexiconSentiment().read(headlines(title)).sentiment == word


def test_none_is_neutral_without_any_confidence():
    assert LexiconSentiment().read([]) == NOTHING
    assert (NOTHING.recommendation, NOTHING.confidence) == ("HOLD", 0.0)


def test_more_that_agree_are_surer():
    one, five = mood_of([0.5]), mood_of([0.5] * 5)
    assert (one.score, five.score) == (0.5, 0.5)
    assert (one.confidence, five.confidence) == (0.1813, 0.6321)
    assert mood_of([0.6, -0.2]).confidence == pytest.approx(0.5 * 0.3297, abs=1e-4)


@responses.activate
def test_a_model_of_ones_own(settings):
    settings.SENTIMENT_URL = URL
    responses.add(responses.POST, URL, json={"scores": [-0.9, -0.7]})
    mood = sentiment().read(headlines("One", "Two"))
    assert json.loads(responses.calls[0].request.body) == {"texts": ["One", "Two"]}
    assert (mood.sentiment, mood.score, mood.recommendation) == ("negative", -0.8, "SELL")


@responses.activate
@pytest.mark.parametrize("answer", [{"scores": [1.0]}, {"scores": [2.0, 0.0]}, {"scores": ["x", 0]}, {}, []])
def test_where_it_cannot_tell_the_lexicon_does(settings, answer):
    settings.SENTIMENT_URL = URL
    responses.add(responses.POST, URL, json=answer)
    mood = HttpSentiment().read(headlines("Shares surge to a record", "Profit beats"))
    assert mood.sentiment == "positive"


@pytest.mark.parametrize(
    ("manner", "says"),
    [
        ("hang", "the sentiment model did not answer in 0.2 s; the lexicon read the headlines"),
        ("drip", "the sentiment model did not answer in 0.2 s; the lexicon read the headlines"),
        ("reset", "the sentiment model does not answer (ConnectionError); the lexicon read the headlines"),
        ("garbage", "the sentiment model answers with something else than scores; the lexicon read the headlines"),
        (503, "the sentiment model answered 503; the lexicon read the headlines"),
    ],
)
def test_one_that_failed_is_named_and_not_asked_again(settings, monkeypatch, manner, says):
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", 0.2)
    with running_service() as service:
        settings.SENTIMENT_URL, service.manner = service.url, manner
        reader = sentiment()
        moods = [reader.read(headlines("Shares surge to a record")) for _ in range(3)]
        assert {mood.sentiment for mood in moods} == {"positive"}
        assert reader.trouble == says
        assert len(service.asked) == 1
        service.manner, service.answer = "well", {"scores": [-0.5]}
        assert sentiment().read(headlines("One")).sentiment == "negative"  # the next run asks it again


def test_one_that_is_well_has_nothing_to_say_of_itself(settings):
    with running_service() as service:
        settings.SENTIMENT_URL, service.answer = service.url, {"scores": [0.5]}
        reader = sentiment()
        assert [reader.read(headlines("One")).score for _ in range(2)] == [0.5, 0.5]
        assert (reader.trouble, len(service.asked)) == ("", 2)
    settings.SENTIMENT_URL = ""
    assert sentiment().trouble == ""
