"""The whole portal on a venue that loses answers, with its processes killed at random: nothing doubled or missing.

`make faults` runs the same with 10,000 signals each.
"""

import sys

import pytest

from benchmarks.faults.execution import run
from benchmarks.faults.execution.plan import Plan
from tests.installation import redis_url

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]
PLANS = {"okx": Plan(signals=1000), "binance": Plan(broker="okx-reuses", signals=1000, seed=2)}


@pytest.mark.parametrize("mode", PLANS)
def test_every_order_is_at_the_venue_exactly_once(tmp_path, mode):
    plan = PLANS[mode]
    result = run.measure(tmp_path, plan, variables={"REDIS_URL": redis_url()})
    print(*run.lines(result), sep="\n")

    assert {kind: cases[:3] for kind, cases in result.verdict.wrong.items() if cases} == {}
    assert result.verdict.counts["signals"] == plan.signals
    assert sum(result.killed.values()) > 0
    # What it was about did happen.
    assert result.faults["accept_then_timeout"] > 0
    assert result.faults["error_after_accept"] > 0
