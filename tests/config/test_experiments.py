"""Engines, experiments and agents in the file: what is stored, what comes back, and that a name ends an experiment."""

import pytest
import yaml

from signals.models import Strategy
from tests.config.portal import apply, lines
from tradeops.config import export

pytestmark = pytest.mark.django_db

FILE = """\
strategies:
  - slug: trend
    engine: {engine}
    agents:
      threshold: "0.30"
      timeframe: 15m
      trend: {{weight: 2.50, slow: 100}}
      sentiment: {{weight: 0}}
"""


def stored():
    row = Strategy.objects.get(slug="trend")
    return row.engine, row.experiment


def test_an_experiment_and_its_way_back():
    text = FILE.format(engine="{experiment: {A: 70, B: 30, mode: shadow}}")
    apply(text)
    assert stored() == ("A", {"A": 70, "B": 30, "mode": "shadow"})
    assert Strategy.objects.get().agents == {
        "threshold": "0.30", "timeframe": "15m", "trend": {"weight": "2.50", "slow": "100"},
        "sentiment": {"weight": "0"},
    }  # fmt: skip
    assert lines(text) == ["= nothing to do"]
    written = yaml.safe_load(export.as_yaml(with_secrets=False))["strategies"][0]
    assert written["engine"] == {"experiment": {"A": 70, "B": 30, "mode": "shadow"}}
    assert written["agents"] == Strategy.objects.get().agents


def test_route_is_the_mode_unless_another_is_named():
    apply(FILE.format(engine="{experiment: {A: 1, B: 1}}"))
    assert stored() == ("A", {"A": 1, "B": 1, "mode": "route"})


def test_an_engines_name_ends_the_experiment():
    apply(FILE.format(engine="{experiment: {A: 1, B: 1}}"))
    apply(FILE.format(engine="B"))
    assert stored() == ("B", {})
    apply("strategies: [{slug: trend, max_age_seconds: 30}]")
    assert stored() == ("B", {})
