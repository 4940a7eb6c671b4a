"""TFT and N-HITS really trained, on a CPU, wherever they are installed: half a minute."""

import json
import logging
import math
import os
import random
import threading
import warnings
from io import StringIO
from itertools import pairwise

import jsonschema
import numpy
import pytest
from django.core.management import call_command

from signals.forecast.base import OutOfTime, from_band
from signals.forecast.neural import NHITS, TFT
from signals.models import AnalysisPlan
from tests.analysis.schema import RESULTS

from .test_statistical import walk

SYMBOLS = ["AAPL", "TSLA", "MSFT", "GOOGL", "NVDA"]
PATIENCE_SECONDS = 280.0  # on a machine that is busy with other tests


@pytest.fixture(scope="module")
def networks():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("neuralforecast", reason="no network is trained: pip install -r requirements-forecast.txt")
        from signals.forecast import networks
    return networks


@pytest.mark.timeout(300)
@pytest.mark.django_db
def test_five_symbols_of_a_run_by_tft(networks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    AnalysisPlan.objects.create(slug="premarket", symbols=SYMBOLS, data="simulated", provider="neural")
    out = StringIO()
    call_command("run_analysis", "premarket", "--json", stdout=out)
    told = json.loads(out.getvalue())
    jsonschema.validate(told, RESULTS)
    predictions = [each["components"]["price_prediction"] for each in told["trading_signals"].values()]
    assert [each["model_used"] for each in predictions] == ["TFT-Primary"] * 5
    for symbol, each in zip(SYMBOLS, predictions, strict=True):
        last = told["trading_signals"][symbol]["current_price"]
        assert each["low"] < each["predicted_price"] < each["high"]
        assert 0.9 * last < each["low"] < each["high"] < 1.1 * last
    assert told["alerts"] == []
    assert list(tmp_path.iterdir()) == []  # no logs, no checkpoints


@pytest.mark.timeout(600)
@pytest.mark.parametrize("model", [TFT, NHITS])
def test_it_learns_which_way_prices_go(networks, model):
    closes = {"UP": walk(0.01, 0.002), "DOWN": walk(-0.01, 0.002, seed=8)}
    found = networks.learn(model, closes, horizon=2, seconds=PATIENCE_SECONDS)
    rise, fall = found["UP"], found["DOWN"]
    assert closes["UP"][-1] < rise.low < rise.price < rise.high
    assert closes["DOWN"][-1] > fall.high > fall.price > fall.low
    assert rise.price == pytest.approx(closes["UP"][-1] * math.exp(0.02), rel=0.01)
    assert fall.price == pytest.approx(closes["DOWN"][-1] * math.exp(-0.02), rel=0.01)


@pytest.mark.timeout(600)
def test_the_same_prices_give_the_same_forecast(networks):
    closes = {"A": walk(0.001, 0.01), "B": walk(0.0, 0.02, seed=8)}
    first, second = (networks.learn(NHITS, closes, horizon=1, seconds=PATIENCE_SECONDS) for _ in range(2))
    assert first == second


@pytest.mark.timeout(300)
def test_it_is_no_surer_than_it_was_right(networks):
    """On noise, each band holds about its share of the days that the network never saw, and no direction is likely."""
    closes = {name: walk(0.0, 0.02, days=400, seed=seed) for seed, name in enumerate("ABCDE")}
    found = networks.learn(NHITS, closes, horizon=1, seconds=PATIENCE_SECONDS)
    for name, learnt in found.items():
        each = from_band(model=NHITS, last=closes[name][-1], **learnt._asdict())
        steps = [abs(after / before - 1) for before, after in pairwise(closes[name][-61:])]
        reach = (each.high - each.low) / 2 / closes[name][-1]
        held = sum(step <= reach for step in steps) / len(steps)
        assert 0.65 < held < 0.95
        assert each.confidence < 0.85


@pytest.mark.timeout(300)
def test_one_that_takes_too_long_is_ended_and_leaves_nothing(networks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random.seed(3)
    expected = random.Random(3).random()
    numpy.random.seed(3)
    number = numpy.random.RandomState(3).random_sample()
    before = set(threading.enumerate())
    level = logging.getLogger("pytorch_lightning").level
    with pytest.raises(OutOfTime, match=r"^1 of 200 steps were done after its 0 s$"):
        networks.learn(TFT, {"A": walk(0.001, 0.01)}, horizon=1, seconds=0.0)
    assert random.random() == expected  # the libraries throw dice of their own, and seed everybody's
    assert numpy.random.random_sample() == number
    assert "PL_GLOBAL_SEED" not in os.environ
    assert set(threading.enumerate()) == before
    assert logging.getLogger("pytorch_lightning").level == level
    assert list(tmp_path.iterdir()) == []
