from decimal import Decimal

import pytest

from signals.engines import settings
from tradeops.core.errors import ConfigurationError


def test_the_defaults():
    found = settings.read({})
    assert (found.threshold, found.quorum, found.timeframe, found.source) == (Decimal("0.2"), 1, "1h", "")
    assert [(one.name, one.weight) for one in found.agents] == [
        ("trend", 1), ("momentum", 1), ("volatility", 1), ("sentiment", 1), ("forecast", 1), ("risk", 0),
    ]  # fmt: skip
    assert found.bars == 78


def test_what_is_given_counts():
    found = settings.read(
        {"threshold": "0.35", "quorum": 2, "timeframe": "15m", "source": "simulated",
         "trend": {"weight": "2.5", "slow": 100}}
    )  # fmt: skip
    assert (found.threshold, found.quorum, found.timeframe, found.source) == (Decimal("0.35"), 2, "15m", "simulated")
    trend = found.agents[0]
    assert (trend.weight, trend.given["slow"], trend.given["fast"]) == (Decimal("2.5"), 100, 12)
    assert found.bars == 300


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "agents: give a map, such as {trend: {weight: 2}}"),
        ({"tend": {}}, "agents.tend: there is no such agent; there are trend, momentum, "),
        ({"trend": 2}, "agents.trend: give a map, such as {weight: 2}"),
        ({"trend": {"fats": 2}}, "agents.trend.fats: trend has no such setting; it has weight, fast, slow, atr, "),
        ({"trend": {"fast": 0}}, "agents.trend.fast: use a number from 1 to 500"),
        ({"trend": {"fast": "2.5"}}, "agents.trend.fast: use a whole number"),
        ({"trend": {"fast": 2.5}}, "agents.trend.fast: a binary float is not an exact amount"),
        ({"trend": {"weight": "x"}}, "agents.trend.weight: 'x' is not a number"),
        ({"risk": {"weight": "-1"}}, "agents.risk.weight: use a number from 0 to 100"),
        ({"threshold": "1.01"}, "agents.threshold: use a number from 0 to 1"),
        ({"quorum": 0}, "agents.quorum: use a number from 1 to 20"),
        ({"timeframe": "2h"}, "agents.timeframe: use one of 1m, 5m, 15m, 1h, 4h, 1d"),
        ({"source": "bloomberg"}, "agents.source: there are no bars from 'bloomberg'; there are those from sim"),
        ({"source": 3}, "agents.source: use text"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_by_its_name(given, told):
    with pytest.raises(ConfigurationError) as caught:
        settings.read(given)
    assert str(caught.value).startswith(told)
