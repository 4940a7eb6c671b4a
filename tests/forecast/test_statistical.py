"""The statistical provider: what it says of series whose end is known, and of those that are none."""

import math
import random

import pytest

from signals.forecast.base import NoForecast, from_band
from signals.forecast.statistical import StatisticalForecasts


def walk(drift, noise, *, days=300, seed=7):
    source = random.Random(seed)
    level, found = math.log(100.0), []
    for _ in range(days):
        level += drift + source.gauss(0, noise)
        found.append(math.exp(level))
    return found


def test_a_steady_rise_goes_on():
    told = StatisticalForecasts().predict({"A": walk(0.01, 0.0005)}, horizon=5)["A"]
    last = walk(0.01, 0.0005)[-1]
    assert told.model == "Statistical"
    assert told.direction == "UP"
    assert told.confidence > 0.95
    assert told.price == pytest.approx(last * math.exp(0.05), rel=0.03)
    assert told.low < told.price < told.high


def test_a_fall_is_down():
    told = StatisticalForecasts().predict({"A": walk(-0.01, 0.0005)}, horizon=5)["A"]
    assert told.direction == "DOWN"
    assert told.confidence > 0.95


def test_noise_without_a_drift_is_nearly_a_coin():
    told = StatisticalForecasts().predict({"A": walk(0.0, 0.02)}, horizon=1)["A"]
    assert 0.5 <= told.confidence < 0.65


def test_the_same_prices_give_the_same_forecast():
    closes = {"A": walk(0.001, 0.01), "B": walk(0.0, 0.02, seed=8)}
    assert StatisticalForecasts().predict(closes, horizon=1) == StatisticalForecasts().predict(closes, horizon=1)


def test_each_symbol_is_answered_for_itself():
    found = StatisticalForecasts().predict({"A": walk(0.01, 0.001), "B": [100.0] * 59}, horizon=1)
    assert found["A"].direction == "UP"
    assert isinstance(found["B"], NoForecast)
    assert str(found["B"]) == "59 days of prices are too few for a forecast; 60 are needed"


def test_prices_that_never_move_have_no_direction_to_be_sure_of():
    found = StatisticalForecasts().predict({"A": [100.0] * 100}, horizon=1)["A"]
    assert isinstance(found, NoForecast) or found.price == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("price", "low", "high", "direction", "confidence"),
    [
        (100.0, 98.0, 102.0, "UP", 0.5),
        (102.0, 100.0, 104.0, "UP", 0.9),  # the last price is the lower end of a band that holds 80 %
        (98.0, 96.0, 100.0, "DOWN", 0.9),
        (101.0, 101.0, 101.0, "UP", 1.0),
    ],
)
def test_a_band_says_how_likely_a_direction_is(price, low, high, direction, confidence):
    told = from_band(model="m", last=100.0, price=price, low=low, high=high)
    assert told.direction == direction
    assert told.confidence == pytest.approx(confidence)


@pytest.mark.parametrize("bad", [(float("nan"), 1.0, 2.0), (1.0, float("inf"), 2.0), (1.0, 3.0, 2.0)])
def test_a_band_that_is_none_is_refused(bad):
    price, low, high = bad
    with pytest.raises(NoForecast, match="m gave no usable numbers"):
        from_band(model="m", last=100.0, price=price, low=low, high=high)
