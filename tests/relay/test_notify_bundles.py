"""What becomes one message: pure, at any moment."""

from datetime import timedelta

import pytest

from relay.notify.bundle import Bundle, Form, Told, Waiting, plan

from .conftest import NOW


def row(pk, after=0.0, **fields):
    return Waiting(
        pk=pk, event=fields.pop("event", "order.filled"), created_at=NOW + timedelta(seconds=after), **fields
    )


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def singles(*pks):
    return [Bundle(Form.SINGLE, (pk,)) for pk in pks]


def test_up_to_the_cap_each_is_told_by_itself():
    found = plan([row(1), row(2), row(3)], told={}, cap=3, now=NOW)
    assert (found.send, found.hold) == (singles(1, 2, 3), {})


def test_one_more_than_the_cap_is_a_storm_that_waits_for_a_pause():
    rows = [row(1), row(2, 0.5), row(3, 1), row(4, 2)]
    assert plan(rows, told={}, cap=3, now=at(2)).hold == {at(7): [1, 2, 3, 4]}
    assert plan(rows, told={}, cap=3, now=at(7)).send == [Bundle(Form.STORM, (1, 2, 3, 4))]


def test_a_storm_without_a_pause_is_told_after_a_minute():
    rows = [row(pk, pk / 2) for pk in range(118)]
    found = plan(rows, told={}, cap=5, now=at(59))
    assert (found.send, list(found.hold)) == ([], [at(60)])
    assert plan(rows, told={}, cap=5, now=at(60)).send == [Bundle(Form.STORM, tuple(range(118)))]


def test_while_it_lasts_it_is_told_once_a_minute():
    told = {"order.filled": Told(1, at(60))}
    rows = [row(pk, 60 + pk) for pk in range(1, 30)]
    assert list(plan(rows, told=told, cap=5, now=at(90)).hold) == [at(120)]
    assert plan(rows, told=told, cap=5, now=at(120)).send == [Bundle(Form.STORM, tuple(range(1, 30)))]


def test_what_was_told_in_the_last_minute_counts():
    told = {"order.filled": Told(4, at(-10))}
    assert plan([row(1)], told=told, cap=5, now=NOW).send == singles(1)
    assert plan([row(1), row(2)], told=told, cap=5, now=NOW).hold == {at(50): [1, 2]}


def test_another_event_is_not_held_by_a_storm():
    rows = [row(1), row(2), row(3, event="order.rejected"), row(4)]
    found = plan(rows, told={}, cap=2, now=NOW)
    assert (found.send, found.hold) == (singles(3), {at(5): [1, 2, 4]})


def test_without_a_cap_there_is_no_storm():
    assert plan([row(pk) for pk in range(50)], told={}, cap=0, now=NOW).send == singles(*range(50))


def test_criticals_of_many_kinds_are_held_for_ten_seconds_at_most():
    rows = [row(pk, pk, critical=True) for pk in range(9)]
    assert list(plan(rows, told={}, cap=5, now=at(8)).hold) == [at(10)]
    assert plan(rows, told={}, cap=5, now=at(10)).send == [Bundle(Form.STORM, tuple(range(9)))]


@pytest.mark.parametrize("held", ["quiet", "digest"])
def test_what_was_held_back_comes_as_one(held):
    rows = [row(1, held=held), row(2, held=held, event="order.rejected"), row(3)]
    assert plan(rows, told={}, cap=5, now=NOW).send == [Bundle(Form.DIGEST, (1, 2)), Bundle(Form.SINGLE, (3,))]
    assert plan(rows[:1], told={}, cap=5, now=NOW).send == singles(1)


def test_a_message_sent_by_hand_waits_for_nothing():
    told = {"channel.test": Told(9, NOW)}
    rows = [row(1, event="channel.test", held="test")]
    assert plan(rows, told=told, cap=1, now=NOW).send == singles(1)
