"""Lanes side by side, one of a lane at a time, and nobody has all of the threads. No database, no venue."""

import threading

import pytest

from signals.execution import lanes
from signals.execution.lanes import Lanes, Task
from tests.processes import wait_until


class Works:
    """Tasks that say when they are at work, and end when they are told to."""

    def __init__(self, most=8, **settings):
        self.lanes = Lanes(most, **settings)
        self.at_work, self.done, self._go_on = [], [], {}

    def put(self, name, lane=None, *, within=(), first=False):
        go_on = self._go_on[name] = threading.Event()

        def work():
            self.at_work.append(name)
            assert go_on.wait(10)
            self.at_work.remove(name)
            self.done.append(name)

        return self.lanes.put(Task(work, lane=lane or name, within=within, first=first))

    def end(self, name):
        wait_until(lambda: name in self.at_work, what=f"{name} at work")
        self._go_on[name].set()
        wait_until(lambda: name in self.done, what=f"the end of {name}")

    def are_at_work(self, *names):
        wait_until(lambda: sorted(self.at_work) == sorted(names), what=f"{names} at work, not {self.at_work}")


@pytest.fixture
def works():
    made = []

    def make(*args, **settings):
        made.append(Works(*args, **{"idle_seconds": 0.2, **settings}))
        return made[-1]

    yield make
    for one in made:
        for go_on in one._go_on.values():
            go_on.set()
        wait_until(lambda one=one: not one.lanes.busy())
        wait_until(lambda one=one: one.lanes._threads == 0, what="the end of the threads")


def test_lanes_go_side_by_side_and_a_lane_in_its_order(works):
    some = works()
    some.put("a1", "a")
    some.put("a2", "a")
    some.put("b1", "b")
    some.are_at_work("a1", "b1")
    some.end("a1")
    some.are_at_work("a2", "b1")


def test_an_exit_goes_before_what_waits_and_after_what_is_at_work(works):
    some = works()
    some.put("entry 1", "a")
    some.are_at_work("entry 1")
    for name, first in (("entry 2", False), ("exit 1", True), ("exit 2", True)):
        some.put(name, "a", first=first)
    for name in ("entry 1", "exit 1", "exit 2", "entry 2"):
        some.end(name)
    assert some.done == ["entry 1", "exit 1", "exit 2", "entry 2"]


def test_an_exit_goes_before_other_lanes_too(works):
    some = works(1)
    some.put("now")
    some.are_at_work("now")
    some.put("entry")
    some.put("exit", first=True)
    some.end("now")
    some.are_at_work("exit")


def test_a_slow_account_leaves_threads_for_the_others(works):
    some = works(4)
    for number in range(6):
        some.put(f"slow {number}", within=[("slow account", 2)])
    some.put("quick", within=[("quick account", 2)])
    some.are_at_work("slow 0", "slow 1", "quick")
    some.end("slow 0")
    some.are_at_work("slow 1", "slow 2", "quick")


def test_no_more_threads_than_there_may_be(works):
    some = works(3)
    for number in range(9):
        some.put(str(number))
    some.are_at_work("0", "1", "2")
    assert some.lanes._threads == 3


def test_what_fails_does_not_hold_up_its_lane(works):
    some = works()

    def fail():
        raise ValueError("broken")

    failed = some.lanes.put(Task(fail, lane="a"))
    some.put("a2", "a")
    some.are_at_work("a2")
    assert failed.done.is_set()


def test_it_tells_whether_there_is_work_and_whether_some_was_finished(works):
    some = works()
    assert (some.lanes.busy(), some.lanes.moved()) == (False, False)
    some.put("a")
    assert some.lanes.busy()
    some.end("a")
    wait_until(lambda: not some.lanes.busy())
    assert some.lanes.moved()
    assert not some.lanes.moved()


class TestEach:
    def test_answers_come_in_the_order_of_the_questions(self):
        here = threading.Barrier(3, timeout=10)  # breaks unless all three are asked side by side

        def ask(number):
            here.wait()
            return number * 10

        assert lanes.each(ask, [1, 2, 3]) == [10, 20, 30]

    def test_one_is_asked_in_the_callers_own_thread(self):
        assert lanes.each(lambda _: threading.current_thread(), [1]) == [threading.current_thread()]

    def test_of_none_and_of_one_that_fails(self):
        assert lanes.each(lambda number: 1 / number, []) == []
        with pytest.raises(ZeroDivisionError):
            lanes.each(lambda number: 1 / number, [1, 0, 2])
