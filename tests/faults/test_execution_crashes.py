"""A worker is killed at each named place, or sleeps past its lease with an order in its hands."""

import sys

import pytest

from benchmarks.faults.execution import crashes, stops
from benchmarks.faults.execution.plan import Plan
from tests.installation import redis_url

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]
BROKERS = {"okx": "okx", "binance": "okx-reuses"}


@pytest.mark.parametrize("mode", BROKERS)
def test_a_kill_at_any_named_place_loses_and_doubles_nothing(tmp_path, mode):
    result = crashes.measure(tmp_path, Plan(broker=BROKERS[mode]), times=3, variables={"REDIS_URL": redis_url()})
    print(*crashes.lines(result), sep="\n")

    assert result.unreached == []
    assert {kind: cases[:3] for kind, cases in result.verdict.wrong.items() if cases} == {}


@pytest.mark.parametrize("mode", BROKERS)
def test_a_worker_that_slept_past_its_lease_sends_and_writes_nothing_late(tmp_path, mode):
    for attempt in range(3):  # until the late bytes have met the venue; what is asserted then is the same
        folder = tmp_path / str(attempt)
        folder.mkdir()
        result = stops.measure(folder, Plan(broker=BROKERS[mode]), variables={"REDIS_URL": redis_url()})
        if stops.is_telling(result):
            break
    print(*stops.lines(result), sep="\n")

    assert stops.problems(result) == []
