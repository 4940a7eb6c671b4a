"""Counters: exact over threads and windows, one statement each, shared between processes."""

import threading

import pytest
from django.core.cache import caches
from django.test import RequestFactory

from tradeops.core import limits


@pytest.fixture
def counters():
    return caches["limits"]


def test_a_window_lets_exactly_its_number_pass():
    request = RequestFactory().get("/")
    answers = [limits.hit(request=request, group="g", value="v", per_minute=3) for _ in range(5)]
    assert [over for over, _ in answers] == [False, False, False, True, True]
    assert all(1 <= seconds <= 60 for _, seconds in answers)


def test_groups_and_values_are_counted_apart():
    request = RequestFactory().get("/")
    for group, value in (("a", "x"), ("a", "y"), ("b", "x")):
        assert limits.hit(request=request, group=group, value=value, per_minute=1)[0] is False
    assert limits.hit(request=request, group="a", value="x", per_minute=1)[0] is True


def test_a_store_that_does_not_answer_lets_the_request_pass(monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("gone")

    monkeypatch.setattr(limits, "get_usage", fail)
    assert limits.hit(request=RequestFactory().get("/"), group="g", value="v", per_minute=1) == (False, 0)


def test_counts_of_many_threads_add_up(counters):
    totals = []

    def count():
        for _ in range(50):
            added = counters.add("many", 1, timeout=60)
            totals.append(1 if added else counters.incr("many"))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(totals) == list(range(1, 401))


def test_clear_leaves_other_keys_alone(counters):
    caches["default"].set("mine", "kept")
    counters.add("x", 1, timeout=60)
    counters.clear()
    assert counters.add("x", 1, timeout=60) is True
    assert caches["default"].get("mine") == "kept"


def test_a_counter_in_a_file_starts_over_when_its_window_has_passed(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(limits.time, "time", lambda: now[0])
    counters = limits.FileCounters(str(tmp_path / "limits.sqlite3"), {})
    assert [counters.count("k", 1, 60) for _ in range(3)] == [1, 2, 3]
    now[0] += 59.9
    assert counters.count("k", 1, 60) == 4
    now[0] += 0.2
    assert counters.count("k", 1, 60) == 1


def test_a_file_is_shared_by_the_processes_of_the_host(tmp_path):
    one, other = (limits.FileCounters(str(tmp_path / "limits.sqlite3"), {}) for _ in range(2))
    assert one.count("k", 1, 60) == 1
    assert other.count("k", 1, 60) == 2
