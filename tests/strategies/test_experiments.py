"""Who is assigned what: told by the signal, the same at any time and in any process."""

import subprocess
import sys
from collections import Counter

import pytest

from signals.strategies import experiments
from signals.strategies.experiments import Experiment, assign, read
from tests import factories
from tradeops.core.errors import ConfigurationError

HALVES = read("trend", {"A": 50, "B": 50, "mode": "route"})


def ids(count):
    """As the portal makes them: UUIDs of version 7, which differ in few of their digits."""
    return [f"01935b2c-{number >> 16:04x}-7{number & 0xFFF:03x}-8000-{number:012x}" for number in range(count)]


@pytest.mark.parametrize(
    "weights", [{"A": 50, "B": 50}, {"A": 90, "B": 10}, {"A": 1, "B": 2}, {"A": 999_999, "B": 1_000_000}]
)
def test_100_000_signals_are_within_one_percent_of_the_weights(weights):
    experiment = read("trend", weights)
    found = Counter(assign(experiment, signal=signal) for signal in ids(100_000))
    for name, weight in weights.items():
        assert abs(found[name] / 100_000 - weight / sum(weights.values())) < 0.01
    assert found.total() == 100_000


def test_the_same_signal_always_gets_the_same_variant():
    found = [assign(HALVES, signal=signal) for signal in ids(1000)]
    assert [assign(HALVES, signal=signal) for signal in ids(1000)] == found
    assert set(found) == {"A", "B"}
    # In whatever order the file names them.
    swapped = read("trend", {"mode": "route", "B": 50, "A": 50})
    assert [assign(swapped, signal=signal) for signal in ids(1000)] == found


def test_a_restart_changes_nothing():
    """Another interpreter, with another seed of its hashes, assigns alike."""
    code = (
        "from signals.strategies.experiments import Experiment, assign\n"
        "one = Experiment(id='trend', mode='route', weights=(('A', 50), ('B', 50)))\n"
        f"print(''.join(assign(one, signal=s) for s in {ids(50)!r}))"
    )
    setup = "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; django.setup()\n"
    said = subprocess.run(
        [sys.executable, "-c", setup + code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert said.stdout.strip() == "".join(assign(HALVES, signal=signal) for signal in ids(50))


def test_assignments_written_down():
    """The rule itself: whoever changes it re-assigns what was assigned, and must say so."""
    assert "".join(assign(HALVES, signal=signal) for signal in ids(16)) == "BAABBBBBBBBABAAB"


def test_experiments_are_independent_of_each_other():
    other = Experiment(id="breakout", mode="route", weights=HALVES.weights)
    same = sum(assign(HALVES, signal=signal) == assign(other, signal=signal) for signal in ids(10_000))
    assert 4_800 < same < 5_200


def test_a_weight_of_zero_gets_nothing():
    assert {assign(read("trend", {"A": 0, "B": 1}), signal=signal) for signal in ids(1000)} == {"B"}
    assert {assign(read("trend", {"A": 1, "B": 0}), signal=signal) for signal in ids(1000)} == {"A"}


def test_in_a_shadow_experiment_a_trades_whatever_the_weights():
    shadow = read("trend", {"A": 0, "B": 100, "mode": "shadow"})
    assert {assign(shadow, signal=signal) for signal in ids(1000)} == {"A"}
    assert (shadow.shadow, HALVES.shadow) == ("B", "")


@pytest.mark.parametrize("nothing", [None, {}])
def test_none(nothing):
    assert read("trend", nothing) is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], None),
        ("A", "experiment: give a map, such as {A: 50, B: 50, mode: route}"),
        ({"A": 50}, "experiment: name two engines at least, such as {A: 50, B: 50}"),
        ({"A": 50, "C": 50}, "experiment.C: there is no such engine; there are A, B"),
        ({"A": 50, "B": -1}, "experiment.B: use a whole number from 0 to 1000000"),
        ({"A": 50, "B": 50.0}, "experiment.B: use a whole number from 0 to 1000000"),
        ({"A": 50, "B": True}, "experiment.B: use a whole number from 0 to 1000000"),
        ({"A": 50, "B": "50"}, "experiment.B: use a whole number from 0 to 1000000"),
        ({"A": 0, "B": 0}, "experiment: one of the weights must be above zero"),
        ({"A": 50, "B": 50, "mode": "both"}, "experiment.mode: use route or shadow"),
    ],
)
def test_what_does_not_fit_is_told_by_its_name(given, told):
    if told is None:
        assert read("trend", given) is None
        return
    with pytest.raises(ConfigurationError) as caught:
        read("trend", given)
    assert str(caught.value) == told


@pytest.mark.django_db
class TestAtIntake:
    def test_only_strategies_under_an_experiment_have_a_variant(self, django_assert_num_queries):
        factories.strategy("plain")
        factories.strategy("tried", experiment={"A": 0, "B": 1})
        factories.strategy("broken", experiment={"A": "x", "B": 1})  # as no form and no file lets it be
        assert experiments.variants("some-signal", ["broken", "plain", "tried"]) == {"tried": "B"}
        with django_assert_num_queries(0):
            assert experiments.variants("another", ["plain", "tried"]) == {"tried": "B"}

    def test_a_retired_strategy_has_none(self):
        factories.strategy("gone", experiment={"A": 0, "B": 1}, retired_at=factories.NOW)
        assert experiments.variants("some-signal", ["gone"]) == {}
