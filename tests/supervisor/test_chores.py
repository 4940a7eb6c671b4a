"""What the dispatcher does beside dispatching."""

import pytest
from django.db import OperationalError

from tests.factories import NOW
from tradeops.supervisor.chores import Chore, Chores


class Time:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def recorder(done, *, fails=None):
    def work(*, now):
        done.append(now)
        if fails is not None:
            raise fails

    return work


def test_a_chore_is_done_at_once_and_then_when_it_is_due():
    done, time = [], Time()
    chores = Chores([Chore("watch", recorder(done), 5)], monotonic=time)
    for _ in range(10):
        chores.look(now=NOW)
        time.now += 1
    assert done == [NOW, NOW]


def test_one_that_fails_holds_up_no_other_and_is_done_again():
    bad, good, time = [], [], Time()
    chores = Chores(
        [Chore("bad", recorder(bad, fails=ValueError("no")), 5), Chore("good", recorder(good), 5)], monotonic=time
    )
    chores.look(now=NOW)
    time.now += 5
    chores.look(now=NOW)
    assert (len(bad), len(good)) == (2, 2)


def test_the_database_s_errors_are_the_dispatcher_s():
    chores = Chores([Chore("bad", recorder([], fails=OperationalError("gone")), 5)], monotonic=Time())
    with pytest.raises(OperationalError):
        chores.look(now=NOW)
