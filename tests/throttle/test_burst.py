"""120 orders at once from two processes, through the OKX adapter to a venue that counts them (X5)."""

import os

import pytest

from benchmarks.execution import burst
from benchmarks.processes import environment
from tests.fakes.venue import running_venue

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


def test_never_more_than_sixty_in_any_two_seconds_and_none_refused_or_lost(tmp_path):
    (tmp_path / "data").mkdir()
    env = environment(
        TRADEOPS_DATA_DIR=str(tmp_path / "data"),
        DJANGO_SETTINGS_MODULE="tradeops.settings",
        REDIS_URL=os.environ.get("REDIS_URL", ""),
    )
    with running_venue() as venue:
        venue.faults.set(enforce_limits=True)
        result = burst.fire(env, venue, tmp_path)
    assert result.most <= 60
    assert (len(result.arrivals), result.refused) == (120, 0)


def test_a_window_is_counted_where_it_is_fullest():
    assert burst.most_within([0.0, 1.0, 1.9, 2.0, 2.5], 2.0) == 4
    assert burst.most_within([0.0, 2.0, 4.0], 2.0) == 1
