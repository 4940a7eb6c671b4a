"""Hostile bodies against the real web processes: refused, cheap, and nothing that an honest sender would notice."""

import sys

import pytest

from benchmarks.faults import hostile
from tests.installation import redis_url
from tests.payloads.hostile import HOSTILE

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(240),
    # Senders of their own addresses need the whole of 127.0.0.0/8.
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]


def test_hostile_bodies_are_refused_cost_no_memory_and_keep_nobody_out(tmp_path):
    plan = hostile.Plan([body for body, _field in HOSTILE.values()], slow=100, seconds=3, warm=2)
    result = hostile.measure(tmp_path, plan, variables={"REDIS_URL": redis_url()})
    print(*hostile.lines(result), sep="\n")

    assert set(result.answers) == {
        "hostile JSON",
        "50 MB announced",
        "50 MB in chunks",
        "100 slow bodies",
        "100 slow heads",
    }
    assert set(result.answers["hostile JSON"]) == {400}
    # A server that closes on a body that is still coming may tear its own answer down: 0.
    assert set(result.answers["50 MB announced"]) <= {413, 0}
    assert set(result.answers["50 MB in chunks"]) <= {413, 0}
    assert result.errors() == {}
    assert result.growth < hostile.GROWTH_MARK
    # All of the honest ones were taken, and committed; nothing hostile was.
    assert set(result.honest["answers"]) == {201}
    assert (result.honest["broken"], result.honest["unanswered"], result.honest["late"]) == (0, 0, 0)
