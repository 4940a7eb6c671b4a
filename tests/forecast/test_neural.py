"""The networks' order, names, times and refusals, without training one (`test_networks` does)."""

import subprocess
import sys

import pytest

from signals.forecast import registry
from signals.forecast.base import Learnt, NoForecast, OutOfTime
from signals.forecast.neural import LEAST, NHITS, SECONDS, TFT, TOTAL_SECONDS, NeuralForecasts

from .test_statistical import walk

CLOSES = {"A": [100.0] * LEAST, "B": [50.0] * LEAST}
GOOD = Learnt(101.0, 99.0, 103.0)


class Networks:
    """Stands for the training: what each model answers, or raises, and what it was asked."""

    def __init__(self, **answers):
        self.answers, self.asked, self.now = answers, [], 0.0
        self.takes = 0.0

    def __call__(self, model, closes, *, horizon, seconds):
        self.asked.append((model, sorted(closes), horizon, seconds))
        self.now += self.takes
        answer = self.answers["tft" if model == TFT else "nhits"]
        if isinstance(answer, Exception):
            raise answer
        return dict.fromkeys(closes, answer) if isinstance(answer, Learnt) else answer

    def made(self):
        return NeuralForecasts(learn=self, clock=lambda: self.now)


@pytest.fixture
def told(settings):
    """Asks the registry as a run does, with these networks in place of the real ones."""

    def ask(networks, closes=CLOSES, horizon=1):
        settings.FORECASTS = {**settings.FORECASTS, "neural": f"{__name__}.made"}
        made.networks = networks
        return registry.predict("neural", closes, horizon=horizon)

    return ask


def made():
    return made.networks.made()


def test_tft_answers_first_for_all_symbols_at_once(told):
    networks = Networks(tft=GOOD, nhits=GOOD)
    found, said = told(networks, horizon=3)
    assert {symbol: each.model for symbol, each in found.items()} == {"A": "TFT-Primary", "B": "TFT-Primary"}
    assert (found["A"].price, found["A"].low, found["A"].high, found["A"].direction) == (101.0, 99.0, 103.0, "UP")
    assert said == []
    assert networks.asked == [(TFT, ["A", "B"], 3, SECONDS[TFT])]


def test_n_hits_answers_where_tft_cannot_and_both_are_named(told):
    found, said = told(Networks(tft=ValueError("a tensor of another shape"), nhits=GOOD))
    assert {each.model for each in found.values()} == {"N-HITS"}
    assert said == ["TFT-Primary: it could not learn: ValueError: a tensor of another shape"]


def test_only_what_tft_left_open_is_asked_of_n_hits(told):
    broken = Learnt(float("nan"), 1.0, 2.0)
    networks = Networks(tft={"A": GOOD, "B": broken}, nhits=Learnt(51.0, 49.0, 53.0))
    found, said = told(networks)
    assert (found["A"].model, found["B"].model) == ("TFT-Primary", "N-HITS")
    assert said == ["TFT-Primary: TFT-Primary gave no usable numbers"]
    assert [asked[:2] for asked in networks.asked] == [(TFT, ["A", "B"]), (NHITS, ["B"])]


def test_the_statistical_model_is_last_and_every_failure_is_named(told):
    closes = {"A": walk(0.001, 0.01)}
    found, said = told(Networks(tft=RuntimeError("x"), nhits=OutOfTime("3 of 200 steps were done")), closes)
    assert found["A"].model == "Statistical"
    assert said == [
        "TFT-Primary: it could not learn: RuntimeError: x",
        "N-HITS: its training takes too long on this machine: 3 of 200 steps were done",
    ]


def test_a_symbol_left_out_is_not_left_unanswered(told):
    found, said = told(Networks(tft={"A": GOOD}, nhits={}), {"A": CLOSES["A"], "B": walk(0.001, 0.01)})
    assert (found["A"].model, found["B"].model) == ("TFT-Primary", "Statistical")
    assert said == ["TFT-Primary: it left the symbol out", "N-HITS: it left the symbol out"]


def test_too_few_days_are_not_learnt_from(told):
    networks = Networks(tft=GOOD, nhits=GOOD)
    found, said = told(networks, {"A": CLOSES["A"], "B": walk(0.001, 0.01)[: LEAST - 1]})
    assert (found["A"].model, found["B"].model) == ("TFT-Primary", "Statistical")
    assert said[0] == "TFT-Primary: 199 days of prices are too few to learn from; 200 are needed"
    assert networks.asked == [(TFT, ["A"], 1, SECONDS[TFT])]


def test_both_share_one_time(told):
    networks = Networks(tft=OutOfTime("slow"), nhits=GOOD)
    networks.takes = TOTAL_SECONDS - 30
    told(networks)
    assert [asked[3] for asked in networks.asked] == [SECONDS[TFT], 30.0]


def test_without_time_left_nothing_is_begun(told):
    networks = Networks(tft=OutOfTime("slow"), nhits=GOOD)
    networks.takes = TOTAL_SECONDS
    found, said = told(networks, {"A": walk(0.001, 0.01)})
    assert found["A"].model == "Statistical"
    assert said[1] == "N-HITS: there was no time left of the 240 s for networks"
    assert len(networks.asked) == 1


def test_what_is_not_installed_says_what_installs_it(monkeypatch):
    for name in ("torch", "neuralforecast"):
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not there
    monkeypatch.delitem(sys.modules, "signals.forecast.networks", raising=False)
    found, said = registry.predict("neural", {"A": walk(0.001, 0.01)}, horizon=1)
    assert found["A"].model == "Statistical"
    refusal = "the neural models are not installed (torch): pip install -r requirements-forecast.txt"
    assert said == [f"TFT-Primary: {refusal}", f"N-HITS: {refusal}"]
    step, _ = NeuralForecasts().steps
    with pytest.raises(NoForecast, match=r"pip install -r requirements-forecast\.txt"):
        step.predict(CLOSES, horizon=1)


def test_a_process_that_only_names_them_does_not_load_them():
    program = (
        "import sys, django; django.setup()\n"
        "import signals.tasks, signals.analysis.launch, signals.analysis.runner, signals.analysis.plans\n"
        "from signals.forecast import registry\n"
        "print([step.models for step in registry.providers('neural')])\n"
        "print([name for name in ('torch', 'neuralforecast', 'signals.forecast.networks') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[('TFT-Primary',), ('N-HITS',), ('Statistical',)]", "[]"]


class Broken:
    models = ("Oracle",)

    def predict(self, closes, *, horizon):
        raise KeyError("prophecy")


def test_a_provider_that_falls_over_is_named_and_the_next_is_asked(settings):
    settings.FORECASTS = {**settings.FORECASTS, "oracle": f"{__name__}.Broken"}
    found, said = registry.predict("oracle", {"A": walk(0.001, 0.01)}, horizon=1)
    assert found["A"].model == "Statistical"
    assert said == ["Oracle: it fell over (KeyError: 'prophecy')"]
    settings.FORECASTS = {**settings.FORECASTS, "statistical": f"{__name__}.Broken"}
    with pytest.raises(KeyError):  # nobody is left to ask
        registry.predict("statistical", CLOSES, horizon=1)
