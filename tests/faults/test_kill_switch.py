"""The whole portal under signals: a kill switch is turned on amid them, and everything is closed by one request.

Order is asserted by the venue's ledger, not how fast this machine was: `make faults` holds the 250 ms and the 5 s.
"""

import sys
from dataclasses import replace

import pytest

from benchmarks.faults.execution import flattening, kill_switch
from benchmarks.faults.execution.kill_switch import Turn
from benchmarks.faults.execution.plan import Plan
from tests.installation import redis_url

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@linux
@pytest.mark.processes
@pytest.mark.timeout(900)
def test_no_entry_claimed_after_it_reaches_the_venue_and_exits_do(tmp_path):
    scopes = (kill_switch.GLOBAL, kill_switch.ACCOUNT)
    result = kill_switch.measure(
        tmp_path, Plan(symbols=5), rate=20, scopes=scopes, variables={"REDIS_URL": redis_url()}
    )
    print(*kill_switch.lines(result), sep="\n")
    assert kill_switch.problems(result) == []
    assert [(turn.scope, turn.restarted) for turn in result.turns] == [("global", 0), ("account account-3", None)]


@linux
@pytest.mark.processes
@pytest.mark.timeout(600)
def test_one_request_closes_everything_under_a_kill_switch(tmp_path):
    plan = Plan(broker="paper", symbols=3)
    result = flattening.measure(tmp_path, plan, variables={"REDIS_URL": redis_url()})
    print(*flattening.lines(result), sep="\n")
    assert flattening.problems(result) == []
    assert (result.positions, result.orders, result.left) == (12, 12, 0)


WELL = Turn(
    scope="account account-3", way="a page", signals=100, before=20, late=[12.5], claimed_late=[], exits=3,
    elsewhere=40, restarted=0, again=5,
)  # fmt: skip


class TestVerdict:
    def result(self, **changes):
        return kill_switch.Result(Plan(), 50, [replace(WELL, **changes)])

    def test_what_is_well_is_well(self):
        assert kill_switch.problems(self.result()) == []
        assert kill_switch.holds(self.result())

    @pytest.mark.parametrize(
        "changes",
        [{"claimed_late": ["c1"]}, {"restarted": 1}, {"before": 0}, {"again": 0}, {"exits": 0}, {"elsewhere": 0}],
        ids=lambda changes: next(iter(changes)),
    )
    def test_what_is_not_is_said(self, changes):
        assert len(kill_switch.problems(self.result(**changes))) == 1
        assert not kill_switch.holds(self.result(**changes))

    def test_an_entry_that_arrives_too_late_misses_the_mark(self):
        assert kill_switch.holds(self.result(late=[250.0]))
        assert not kill_switch.holds(self.result(late=[250.1]))
        assert "is missed" in "\n".join(kill_switch.lines(self.result(late=[250.1])))

    def test_flattening(self):
        well = flattening.Result(Plan(symbols=10), positions=40, orders=40, left=0, seconds=5.0, after=1.0)
        assert flattening.holds(well)
        assert not flattening.holds(replace(well, seconds=5.1))
        assert not flattening.holds(replace(well, left=1))
        assert not flattening.holds(replace(well, orders=39))
