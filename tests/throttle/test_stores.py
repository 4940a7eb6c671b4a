"""Every store counts alike: places, not answers. Nothing here waits; the places lie in the future."""

import threading
import time
from dataclasses import replace

import pytest
from django.db import connection

from accounts.throttle.limit import Free, Place, Rate, Window

HOUR = 3600.0
# All that a test does, it does within this; its windows are so long that it does not matter.
SOON = 5.0


def window(name, count, *, seconds=100.0, span=0.000002, cost=1):
    return Place(name=name, cost=cost, count=count, window=seconds, span=span)


def take(store, *places, longest=HOUR):
    return store.take(sorted(places, key=lambda place: place.name), longest=longest).wait


class TestWindow:
    def test_as_many_as_it_counts_are_there_at_once_and_the_next_a_window_later(self, a_store, name):
        waits = [take(a_store, window(name, 3)) for _ in range(7)]
        assert waits[:3] == [0, 0, 0]
        assert all(100 - SOON < wait <= 100 for wait in waits[3:6])
        assert 200 - SOON < waits[6] <= 200

    def test_places_of_a_burst_are_a_span_apart(self, a_store, name):
        waits = [take(a_store, window(name, 5, span=10)) for _ in range(3)]
        assert waits[0] == 0
        assert 10 - SOON < waits[1] <= 10
        assert 20 - SOON < waits[2] <= 20

    def test_several_places_are_taken_together_or_not_at_all(self, a_store, name):
        assert take(a_store, window(name, 5, cost=4)) == 0
        assert take(a_store, window(name, 5, cost=2), longest=1) > 90
        assert take(a_store, window(name, 5)) == 0
        assert 100 - SOON < take(a_store, window(name, 5)) <= 100


class TestRate:
    def test_a_burst_and_then_one_each_interval(self, a_store, name):
        place = Place(name=name, cost=1, interval=10, window=20)
        waits = [take(a_store, place) for _ in range(5)]
        assert waits[:3] == [0, 0, 0]
        assert 10 - SOON < waits[3] <= 10
        assert 20 - SOON < waits[4] <= 20

    def test_a_dear_call_takes_several(self, a_store, name):
        place = Place(name=name, cost=3, interval=10, window=20)
        assert take(a_store, place) == 0
        assert 10 - SOON < take(a_store, replace(place, cost=1)) <= 10


def test_what_is_too_far_away_is_told_and_not_taken(a_store, name):
    assert take(a_store, window(name, 1)) == 0
    told = [take(a_store, window(name, 1), longest=5) for _ in range(3)]
    assert all(100 - SOON < wait <= 100 for wait in told)
    assert 100 - SOON < take(a_store, window(name, 1)) <= 100


def test_a_call_under_two_limits_goes_when_both_let_it(a_store, name):
    narrow, wide = window(f"{name}|a", 1), Place(name=f"{name}|b", cost=1, interval=1, window=600)
    assert take(a_store, narrow, wide) == 0
    assert 100 - SOON < take(a_store, narrow, wide) <= 100
    # The wide one has counted both of them where they will be, and its tolerance still lets another through now.
    assert take(a_store, window(f"{name}|c", 1), wide) == 0


def test_nobody_calls_while_the_venue_says_so(a_store, name):
    free = Free().place(name, 1)
    assert take(a_store, free) == 0
    a_store.hold([name], seconds=60)
    a_store.hold([name], seconds=30)
    assert 60 - SOON < take(a_store, free) <= 60
    assert 60 - SOON < take(a_store, window(name, 3)) <= 60
    assert take(a_store, Free().place(f"{name}|other", 1)) == 0


def test_names_are_counted_apart(a_store, name):
    assert [take(a_store, window(f"{name}|{number}", 1)) for number in range(5)] == [0] * 5


class TestPlacesMove:
    """A hundred seconds is the window, so that the time that the test itself takes does not matter."""

    def test_a_place_that_is_used_on_time_stays(self, a_store, name):
        place = [window(name, 2, seconds=0.2)]
        first, second, third = (a_store.take(place, longest=HOUR) for _ in range(3))
        assert (first.wait, second.wait) == (0, pytest.approx(0, abs=0.001))
        time.sleep(max(0, third.wait))
        assert a_store.again(place, at=third.at).wait == 0

    def test_who_waits_looks_again_and_waits_for_a_call_that_took_longer(self, a_store, name):
        place = [window(name, 1, seconds=2)]
        first = a_store.take(place, longest=HOUR)
        second = a_store.take(place, longest=HOUR)
        time.sleep(1)
        a_store.used(place, at=first.at)  # the venue may have counted it as late as now
        time.sleep(1)
        again = a_store.again(place, at=second.at)
        assert 0 < again.wait <= 1
        assert again.at - first.at >= 2 + 1
        # It has the new place now, which counts for the next.
        third = a_store.take(place, longest=HOUR)
        assert third.at - again.at == pytest.approx(2, abs=0.0001)

    def test_a_call_that_never_ends_moves_its_place_by_a_window_at_most(self, a_store, name):
        place = [window(name, 1, seconds=0.1)]
        first = a_store.take(place, longest=HOUR)
        time.sleep(0.3)
        a_store.used(place, at=first.at)
        assert a_store.take(place, longest=HOUR).wait == 0

    def test_a_place_never_moves_to_where_another_is(self, a_store, name):
        """The two would be one from then on, and the venue would count a call too many."""
        place = [window(name, 1, seconds=0.2)]
        first = a_store.take(place, longest=HOUR)
        second = a_store.take(place, longest=HOUR)
        assert second.at - first.at == pytest.approx(0.2, abs=0.0001)
        time.sleep(0.25)
        a_store.used(place, at=first.at)  # at most a window later: where the second one is
        again = a_store.again(place, at=second.at)
        assert again.at - second.at == pytest.approx(0.2, abs=0.0001)

    def test_what_one_limit_puts_off_is_right_for_the_others_then(self, a_store, name):
        here, there = window(f"{name}|a", 1, seconds=1), window(f"{name}|b", 1, seconds=2)
        before = a_store.take([there], longest=HOUR)
        both = a_store.take([here, there], longest=HOUR)
        behind = a_store.take([here], longest=HOUR)
        assert behind.at - both.at == pytest.approx(1, abs=0.0001)
        time.sleep(1.5)
        a_store.used([there], at=before.at)
        # `there` is free 2 s from now: half a second after the place that is taken `here` behind it, which counts.
        again = a_store.again([here, there], at=both.at)
        assert again.at - behind.at == pytest.approx(1, abs=0.0001)

    def test_who_wakes_up_late_is_counted_late(self, a_store, name):
        place = [window(name, 1, seconds=0.2)]
        a_store.take(place, longest=HOUR)
        second = a_store.take(place, longest=HOUR)
        time.sleep(0.35)
        late = a_store.again(place, at=second.at)
        assert late.wait == 0
        assert late.at - second.at >= 0.1
        third = a_store.take(place, longest=HOUR)
        assert third.at - late.at == pytest.approx(0.2, abs=0.0001)

    def test_dear_calls_move_with_all_of_their_places(self, a_store, name):
        place = [window(name, 3, seconds=100, cost=2)]
        first = a_store.take(place, longest=HOUR)
        time.sleep(0.05)
        a_store.used(place, at=first.at)
        assert take(a_store, window(name, 3)) == 0
        assert take(a_store, window(name, 3)) > 100 - SOON

    def test_a_hold_that_came_meanwhile_is_obeyed(self, a_store, name):
        place = [window(name, 2)]
        taken = a_store.take(place, longest=HOUR)
        a_store.hold([name], seconds=60)
        assert 60 - SOON < a_store.again(place, at=taken.at).wait <= 60


def test_many_threads_get_every_place_once(a_store, name):
    waits = []

    def work():
        for _ in range(10):
            waits.append(take(a_store, window(name, 20)))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(round(wait, -2) for wait in waits) == [0.0] * 20 + [100.0] * 20 + [200.0] * 20 + [300.0] * 20


class TestMargins:
    """A window is kept a little longer than it is, and a burst a little apart."""

    def test_of_a_window(self):
        place = Window(60, 2).place("n", 1)
        assert (place.count, place.window, place.span) == (60, 2.03, pytest.approx(0.002))

    def test_of_a_rate(self):
        place = Rate(60, 120).place("n", 1)
        assert place.interval > 1 / 60
        assert place.window / place.interval + 1 == pytest.approx(114)

    def test_a_call_never_costs_more_than_the_whole_limit(self):
        assert Window(60, 2).place("n", 100).cost == 60
        assert Rate(2, 4).place("n", 100).cost == 3
