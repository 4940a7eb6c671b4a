"""Threads that write at the same moment share a commit where only one may write; each hears of its own end alone."""

import threading

import pytest
from django.db import connection, connections, transaction

from tradeops.core import later, together
from tradeops.core.cohort import Cohort
from tradeops.core.models import Cursor

pytestmark = pytest.mark.django_db(transaction=True)


def _add(name):
    Cursor.objects.create(name=name)
    return name


def _stored():
    return set(Cursor.objects.values_list("name", flat=True))


class Job:
    """One item: `order` is the instance that the work changes."""

    def __init__(self, run):
        self.run, self.order = run, Cursor(name="")


def _run(jobs):
    return [job.run() for job in jobs]


_jobs = together.Together(_run)


def _write(run):
    return _jobs.write(Job(run))


def _line():
    return together._of_everybody if connection.vendor == "sqlite" else _jobs._line


def _side_by_side(works):
    """What each gave or raised. All but the first are asked for while the first is at it."""
    ended, first_is_in, others_wait = {}, threading.Event(), threading.Event()

    def first():
        first_is_in.set()
        assert others_wait.wait(10)
        return works[0]()

    def ask(number, work):
        try:
            ended[number] = _write(work)
        except Exception as error:
            ended[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, args=(0, first))]
    threads[0].start()
    assert first_is_in.wait(10)
    threads += [threading.Thread(target=ask, args=(number, work)) for number, work in enumerate(works[1:], start=1)]
    for thread in threads[1:]:
        thread.start()
    while len(_line().waiting) < len(works) - 1:
        pass
    others_wait.set()
    for thread in threads:
        thread.join(10)
    return [ended[number] for number in range(len(works))]


def test_each_gets_what_its_own_work_returned_and_all_is_committed():
    assert _side_by_side([lambda name=name: _add(name) for name in "abcd"]) == ["a", "b", "c", "d"]
    assert _stored() == {"a", "b", "c", "d"}


def test_one_that_fails_is_undone_alone_with_what_it_had_put_off():
    written = []

    def write_later(items):
        written.extend(items)

    def good(name):
        later.write(write_later, [name])
        return _add(name)

    def bad():
        later.write(write_later, ["bad"])
        _add("bad")
        raise ValueError("no")

    found = _side_by_side([lambda: good("a"), lambda: good("b"), bad, lambda: good("c")])
    assert [type(one) for one in found] == [str, str, ValueError, str]
    assert _stored() == {"a", "b", "c"}
    assert sorted(written) == ["a", "b", "c"]


def test_one_alone_that_fails_leaves_nothing_and_the_next_goes_on():
    def bad():
        _add("bad")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        _write(bad)
    assert _write(lambda: _add("a")) == "a"
    assert _stored() == {"a"}


def test_in_a_transaction_it_is_part_of_it():
    with transaction.atomic():
        _write(lambda: _add("a"))
        transaction.set_rollback(True)
    assert _stored() == set()


def test_those_behind_share_one_commit():
    begun = []

    def noted(name):
        def work():
            transaction.on_commit(lambda: begun.append((name, threading.get_ident())))
            return _add(name)

        return work

    _side_by_side([noted(name) for name in "abcd"])
    by = dict(begun)
    assert by["b"] == by["c"] == by["d"] != by["a"]


def test_what_is_undone_finds_its_instance_as_it_was():
    seen = []

    def work(jobs):
        for job in jobs:
            seen.append((job.run, job.order.name))
            job.order.name = "changed"
        if len(jobs) > 1:
            raise ValueError("not together")
        return [job.order.name for job in jobs]

    shared, ended = together.Together(work), {}
    line = together._of_everybody if connection.vendor == "sqlite" else shared._line

    def ask(name):
        ended[name] = shared.write(Job(name))
        connections.close_all()

    threads = [threading.Thread(target=ask, args=(name,)) for name in "abc"]
    with line.turn:  # until all three wait
        for thread in threads:
            thread.start()
        while len(line.waiting) < 3:
            pass
    for thread in threads:
        thread.join(10)
    assert ended == dict.fromkeys("abc", "changed")
    assert {name for _, name in seen[-3:]} == {""}  # again, one by one


def test_those_of_one_cohort_share_a_commit_though_the_lock_is_free():
    commits, group = [], Cohort(4, seconds=60)

    def work(jobs):
        commits.append(len(jobs))
        return _run(jobs)

    shared, ended = together.Together(work), {}

    def ask(name):
        try:
            with group.member():
                ended[name] = shared.write(Job(lambda: _add(name)))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert commits == [4]
    assert ended == {name: name for name in "abcd"}
    assert _stored() == set("abcd")
