"""A sender like TradingView through a web restart and a database outage: nothing acknowledged is lost."""

import os
import sys

import pytest

from benchmarks.faults import database, outage
from tests.installation import redis_url

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]
ON_POSTGRESQL = os.environ.get("DATABASE_URL", "").startswith("postgres")
# Four sends 3 s apart outlast the outage, as TradingView's outlast one of 10 s.
PLAN = outage.Plan(rate=20, calm=2, outage=3, resend=3)


@pytest.mark.skipif(ON_POSTGRESQL and not database.binaries(), reason="no PostgreSQL server programs to start one")
def test_nothing_acknowledged_is_lost_through_a_web_restart_and_a_database_outage(tmp_path):
    result = outage.measure(tmp_path, PLAN, variables={"REDIS_URL": redis_url()})
    print(*outage.lines(result, PLAN), sep="\n")

    assert len(result.posts) > PLAN.rate * (PLAN.calm + PLAN.outage)
    assert result.lost == []
    assert result.doubled == 0
    # While nothing can be stored, every sender is told so before it hangs up, and so sends again.
    down = result.while_down()
    assert down
    assert {(one.status, one.failure) for one in down} == {(503, "")}
    # Who was never acknowledged came while no web process was there: it had no answer, so it did not send again.
    for post in result.posts:
        if not post.acknowledged:
            assert post.tries[-1].status == 0
            assert result.restart.touches(post.tries[-1])
            assert str(post.number) not in result.stored.values() or post.tries[-1].failure != "refused"
