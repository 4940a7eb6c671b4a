"""One holder at a time; a new holder has a higher token."""

import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from tradeops.core import holder, lease
from tradeops.core.models import Lease

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def acquire(holder, *, at=0.0, seconds=10):
    return lease.acquire(name="job", seconds=seconds, now=NOW + timedelta(seconds=at), holder=holder)


def test_the_first_gets_it_and_the_second_does_not():
    first = acquire("a:1")
    assert (first.name, first.holder, first.token) == ("job", "a:1", 1)
    assert acquire("b:1") is None
    assert Lease.objects.get(name="job").holder == "a:1"


def test_a_renewal_keeps_the_token_and_moves_the_end():
    acquire("a:1")
    assert acquire("a:1", at=9).token == 1
    assert acquire("b:1", at=18) is None
    assert acquire("b:1", at=19).token == 2


def test_an_expired_lease_is_anybodys_with_a_higher_token():
    first = acquire("a:1")
    second = acquire("b:1", at=10)
    assert second.token == 2
    assert acquire("a:1", at=10) is None
    assert not lease.still_held(first, now=NOW + timedelta(seconds=10))
    assert lease.still_held(second, now=NOW + timedelta(seconds=10))
    assert not lease.still_held(second, now=NOW + timedelta(seconds=20))


def test_the_same_holder_gets_a_new_token_after_its_own_expiry():
    assert acquire("a:1").token == 1
    assert acquire("a:1", at=11).token == 2


def test_a_released_lease_is_free_at_once():
    first = acquire("a:1")
    lease.release(first)
    assert acquire("b:1", at=1).token == 2


def test_a_late_release_does_not_take_it_from_the_next_holder():
    first = acquire("a:1")
    second = acquire("b:1", at=10)
    lease.release(first)
    assert lease.still_held(second, now=NOW + timedelta(seconds=11))


def test_names_do_not_touch_each_other():
    acquire("a:1")
    assert lease.acquire(name="other", seconds=10, now=NOW, holder="b:1").token == 1


def ended():
    """The name of a holder whose process was on this machine and is gone."""
    finished = subprocess.Popen(["true"])
    finished.wait()
    machine, _, rest = holder.Holder().name.partition(":")
    return f"{machine}:{finished.pid}:{rest.partition(':')[2]}"


def test_the_lease_of_a_process_that_was_killed_is_free_at_once_with_a_higher_token():
    dead = ended()
    first = acquire(dead)
    assert not lease.is_held("job", now=NOW)
    second = acquire("b:1", at=1)
    assert (second.holder, second.token) == ("b:1", 2)
    assert not lease.still_held(first, now=NOW + timedelta(seconds=1))


def test_nobody_takes_it_from_a_living_process_or_from_another_machine():
    for living in (holder.Holder().name, "00000000:1:abcd.0"):
        Lease.objects.all().delete()
        assert acquire(living) is not None
        assert lease.is_held("job", now=NOW)
        assert acquire("b:1", at=9) is None
        assert Lease.objects.get(name="job").holder == living


def test_of_two_that_find_a_killed_one_the_second_gets_nothing(monkeypatch):
    acquire(ended())
    seen = Lease.objects.get(name="job")
    assert acquire("b:1").token == 2
    first = Lease.objects.filter(name="job")
    monkeypatch.setattr(type(first), "first", lambda self: seen)  # read before b:1 was
    assert acquire("c:1") is None
    assert Lease.objects.get(name="job").holder == "b:1"


def test_without_a_name_it_is_this_process_that_holds_it():
    assert acquire(None).holder == holder.of_this_process().name
    assert acquire(None, at=9).token == 1
    assert not holder.of_this_process().died(holder.of_this_process().name)
