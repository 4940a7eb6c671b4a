"""Threads of one moment wait for each other where they write, and never for long."""

import threading

import pytest

from tests.processes import wait_until
from tradeops.core import cohort
from tradeops.core.cohort import Cohort

LONG = 60.0  # a test that waited so long would fail by its own time-out


def _members(group, works):
    """Starts a thread for each, a member of the group."""

    def run(work):
        with group.member():
            work()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    return threads


def _join(threads):
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def _waits(group, place, count):
    wait_until(lambda: group._here[place] == count, what=f"{count} at {place}")


def test_nobody_goes_on_before_all_have_come():
    group, last_may_come, gone_on = Cohort(3, seconds=LONG), threading.Event(), []

    def early():
        cohort.meet("claim")
        gone_on.append(last_may_come.is_set())

    def late():
        last_may_come.wait(10)
        early()

    threads = _members(group, [early, early, late])
    _waits(group, "claim", 2)
    assert gone_on == []
    last_may_come.set()
    _join(threads)
    assert gone_on == [True] * 3


def test_they_meet_at_one_place_after_another():
    group, seen = Cohort(2, seconds=LONG), []

    def work():
        for place in ("claim", "report", "claim"):
            cohort.meet(place)
            seen.append(place)

    _join(_members(group, [work, work]))
    assert seen == ["claim", "claim", "report", "report", "claim", "claim"]


def test_who_has_ended_is_not_waited_for():
    group, may_end = Cohort(2, seconds=LONG), threading.Event()
    threads = _members(group, [lambda: cohort.meet("claim"), lambda: may_end.wait(10)])
    _waits(group, "claim", 1)
    may_end.set()
    _join(threads)


def test_nor_one_that_never_set_off():
    group = Cohort(2, seconds=LONG)
    threads = _members(group, [lambda: cohort.meet("claim")])
    _waits(group, "claim", 1)
    group.leave()
    _join(threads)


def test_nor_one_that_fails():
    group = Cohort(2, seconds=LONG)
    threads = _members(group, [lambda: cohort.meet("claim")])
    _waits(group, "claim", 1)
    with pytest.raises(ValueError, match="broken"), group.member():
        raise ValueError("broken")
    _join(threads)


def test_after_a_moment_it_goes_on_without_the_rest_who_do_not_wait_for_it_then():
    group = Cohort(2, seconds=0.001)
    with group.member():
        cohort.meet("claim")  # the other is elsewhere
        assert group._here["claim"] == 0


def test_who_is_alone_or_in_no_cohort_does_not_wait():
    cohort.meet("claim")
    with Cohort(1, seconds=LONG).member():
        cohort.meet("claim")
    cohort.meet("claim")
