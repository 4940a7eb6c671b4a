"""A process that dies again and again is critical, once for each spell (N2)."""

import time

import pytest

from relay.models import Alarm, AlarmEvent, Message
from relay.notify import alarms
from tradeops.core import clock
from tradeops.core.heartbeat import HOST
from tradeops.supervisor.portal import Announcer
from tradeops.supervisor.spells import WITHIN_SECONDS, Spells


def die(spells, *moments, name="trade"):
    """At which of these moments somebody is told that it happens again and again."""
    told = []
    for at in moments:
        if spells.died(name, at=at):
            spells.told(name)
            told.append(at)
    return told


def test_the_third_death_within_minutes_is_told_once():
    assert die(Spells(), 0, 10, 20, 30, 40, 340) == [20]


def test_deaths_that_are_far_apart_are_not():
    assert die(Spells(), 0, WITHIN_SECONDS / 2, WITHIN_SECONDS + 1, WITHIN_SECONDS * 1.6 + 1) == []
    assert die(Spells(), 0, 1, WITHIN_SECONDS) == [WITHIN_SECONDS]


def test_a_spell_that_is_over_may_be_followed_by_another():
    assert die(Spells(), 0, 1, 2, 3, 1000, 1001, 1002, 1003) == [2, 1002]


def test_each_process_has_its_own():
    spells = Spells()
    assert die(spells, 0, 1) == die(spells, 2, 3, name="relay") == []
    assert die(spells, 4) == [4]


def test_what_could_not_be_told_is_told_with_the_next():
    spells = Spells()
    assert [spells.died("trade", at=at) for at in (0, 1, 2, 3)] == [False, False, True, True]
    spells.told("trade")
    assert not spells.died("trade", at=4)


@pytest.mark.django_db(transaction=True)
def test_it_becomes_an_alarm_of_that_process():
    announcer = Announcer()
    for _ in range(4):
        announcer.restarted("trade", "exit code 70")
    announcer.restarted("relay", "killed by SIGKILL")
    for _ in range(400):
        if Message.objects.filter(event="process.restarted").count() == 5:
            break
        time.sleep(0.05)
    told = Message.objects.filter(event="process.restarted").order_by("pk")
    assert [row.level for row in told] == ["error", "error", "critical", "error", "error"]
    assert [row.title for row in told][1:3] == [
        f"trade on {HOST} died (exit code 70) and was started again",
        f"trade on {HOST} died (exit code 70), 3 times within 5 minutes, and was started again",
    ]
    assert AlarmEvent.objects.count() == 1
    alarms.gather(now=clock.now())
    assert str(Alarm.objects.get()) == f"process.restarted · trade {HOST}"
