"""The HTTP provider: its request, what it makes of answers, and when it tries again."""

import json

import pytest
import responses

from signals.forecast import modelscope, registry
from signals.forecast.base import NoForecast
from signals.forecast.modelscope import ModelScopeForecasts
from tests.fakes.asked import running_service

from .test_statistical import walk

URL = "http://127.0.0.1:9/forecast"
CLOSES = {"AAPL": [99.0, 100.0], "TSLA": [199.0, 200.0]}
GOOD = {"model": "TFT-Primary", "price": 102.0, "low": 100.0, "high": 104.0}


@pytest.fixture(autouse=True)
def _set_up(settings, monkeypatch):
    settings.MODELSCOPE_URL, settings.MODELSCOPE_API_TOKEN = URL, "a-token-of-this-run"
    monkeypatch.setattr(modelscope, "PAUSE_SECONDS", 0.0)


def answer(status=200, **forecasts):
    responses.add(responses.POST, URL, json={"forecasts": forecasts}, status=status)


@responses.activate
def test_what_is_asked_and_what_is_told():
    answer(AAPL=GOOD, TSLA={**GOOD, "model": "N-HITS", "price": 210.0, "low": 205.0, "high": 215.0})
    found = ModelScopeForecasts().predict(CLOSES, horizon=3)
    [call] = responses.calls
    assert json.loads(call.request.body) == {"symbols": CLOSES, "horizon": 3, "level": 80}
    assert call.request.headers["Authorization"] == "Bearer a-token-of-this-run"
    assert (found["AAPL"].model, found["AAPL"].price, found["AAPL"].direction) == ("TFT-Primary", 102.0, "UP")
    assert found["TSLA"].model == "N-HITS"


@responses.activate
@pytest.mark.parametrize("status", [500, 503, 429])
def test_what_may_pass_is_tried_again(status):
    responses.add(responses.POST, URL, status=status)
    answer(AAPL=GOOD, TSLA=GOOD)
    assert ModelScopeForecasts().predict(CLOSES, horizon=1)["AAPL"].price == 102.0
    assert len(responses.calls) == 2


@responses.activate
def test_it_gives_up_after_three_tries():
    responses.add(responses.POST, URL, status=503)
    with pytest.raises(NoForecast, match="the service answered 503, 3 times"):
        ModelScopeForecasts().predict(CLOSES, horizon=1)
    assert len(responses.calls) == 3


@responses.activate
def test_a_refusal_is_not_tried_again():
    responses.add(responses.POST, URL, status=401)
    with pytest.raises(NoForecast, match="answered 401; look at the token"):
        ModelScopeForecasts().predict(CLOSES, horizon=1)
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize("body", ["{", "[]", '{"forecasts": 3}', '{"other": {}}'])
def test_an_answer_of_another_shape_is_refused(body):
    responses.add(responses.POST, URL, body=body)
    with pytest.raises(NoForecast, match="not what was asked for"):
        ModelScopeForecasts().predict(CLOSES, horizon=1)


@responses.activate
@pytest.mark.parametrize("bad", [None, {}, {"price": "x"}, {**GOOD, "high": "NaN"}, {**GOOD, "low": 200.0}])
def test_one_symbol_without_numbers_does_not_take_the_others_along(bad):
    answer(AAPL=GOOD, TSLA=bad)
    found = ModelScopeForecasts().predict(CLOSES, horizon=1)
    assert found["AAPL"].price == 102.0
    assert isinstance(found["TSLA"], NoForecast)


def test_without_a_token_it_says_what_to_set(settings):
    settings.MODELSCOPE_API_TOKEN = ""
    found, said = registry.predict("modelscope", {"A": [100.0] * 59}, horizon=1)
    assert isinstance(found["A"], NoForecast)
    assert said[0] == "ModelScope: set MODELSCOPE_API_URL and MODELSCOPE_API_TOKEN to use it"


@pytest.mark.parametrize(
    ("manner", "says"),
    [
        ("hang", "the service did not answer in 0.2 s, 3 times"),
        ("drip", "the service did not answer in 0.2 s, 3 times"),
        ("reset", "the service does not answer (ConnectionError), 3 times"),
        ("garbage", "the service's answer is not what was asked for"),
        (503, "the service answered 503, 3 times"),
        (401, "the service answered 401; look at the token and the address"),
        ("moved", "the service answered 307; look at the token and the address"),
    ],
)
def test_a_service_that_is_unwell_is_named_and_the_statistical_model_answers(settings, monkeypatch, manner, says):
    monkeypatch.setattr(modelscope, "TIMEOUT_SECONDS", 0.2)
    with running_service() as service:
        settings.MODELSCOPE_URL, service.manner = service.url, manner
        found, said = registry.predict("modelscope", {"A": walk(0.001, 0.01)}, horizon=1)
        assert len(service.asked) == (3 if says.endswith("3 times") else 1)
    assert said == [f"ModelScope: {says}"]
    assert found["A"].model == "Statistical"


def test_one_that_is_not_there(settings):
    settings.MODELSCOPE_URL = "http://127.0.0.1:9/forecast"
    found, said = registry.predict("modelscope", {"A": walk(0.001, 0.01)}, horizon=1)
    assert said == ["ModelScope: the service does not answer (ConnectionError), 3 times"]
    assert found["A"].model == "Statistical"
