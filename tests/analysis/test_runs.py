"""Runs: begun at their times, never two at once, missed ones written down, lost ones given up (A1)."""

from datetime import timedelta

import pytest
from django_q.models import OrmQ

from relay.models import Message
from signals.analysis import launch, runs
from signals.models import AnalysisRun
from tradeops.core import clock
from tradeops.core.errors import Conflict

from .conftest import NOW

pytestmark = pytest.mark.django_db
Status, Cause = AnalysisRun.Status, AnalysisRun.Cause


@pytest.fixture
def plan(plan):
    plan.created_at = NOW - timedelta(days=1, hours=12)
    plan.save()
    return plan


def states(plan):
    return list(plan.runs.order_by("scheduled_for").values_list("scheduled_for", "status"))


def test_a_run_begins_at_its_time(plan):
    plan.created_at = NOW - timedelta(minutes=5)
    plan.save()
    assert runs.due(now=NOW - timedelta(seconds=1)) == []
    [run] = runs.due(now=NOW + timedelta(seconds=20))
    assert (run.scheduled_for, run.status, run.cause) == (NOW, Status.WAITING, Cause.SCHEDULE)
    assert str(run.trading_day) == "2026-11-20"
    assert runs.due(now=NOW + timedelta(seconds=50)) == []


def test_what_nobody_was_there_for_is_missed_and_not_caught_up(plan):
    plan.created_at = NOW - timedelta(minutes=5)
    plan.save()
    noon = NOW + timedelta(hours=5, minutes=30)
    assert runs.due(now=noon) == []
    assert states(plan) == [(NOW + timedelta(minutes=30 * number), Status.MISSED) for number in range(6)]
    assert plan.runs.first().error == "nobody was there at its time"
    [told] = Message.objects.filter(event="analysis.missed")
    assert told.title == (
        "6 times the analysis premarket was missed, from 20 Nov 11:30 to 20 Nov 14:00 UTC: "
        "nobody was there at its time. They are not caught up"
    )


def test_one_that_was_missed_is_told_by_its_time(plan):
    plan.created_at = NOW - timedelta(minutes=5)
    plan.save()
    assert runs.due(now=NOW + timedelta(minutes=11)) == []
    [told] = Message.objects.filter(event="analysis.missed")
    assert told.title == (
        "The analysis premarket of 11:30 UTC was missed: nobody was there at its time. It is not caught up"
    )


def test_after_a_weekend_without_anybody_fridays_times_are_missed(plan):
    plan.created_at = NOW - timedelta(days=30)
    plan.save()
    half_past_seven = NOW + timedelta(hours=1)
    runs.begin(plan, cause=Cause.SCHEDULE, now=half_past_seven, slot=half_past_seven)
    AnalysisRun.objects.update(status=Status.COMPLETED)
    monday = NOW + timedelta(days=2, hours=23, minutes=30)
    assert runs.due(now=monday) == []
    missed = [half_past_seven + timedelta(minutes=30 * number) for number in (1, 2, 3)]
    assert states(plan) == [(half_past_seven, Status.COMPLETED), *((slot, Status.MISSED) for slot in missed)]
    [told] = Message.objects.filter(event="analysis.missed")
    assert told.title.startswith("3 times the analysis premarket was missed, from 20 Nov 13:00 to 20 Nov 14:00 UTC: ")
    assert runs.due(now=monday + timedelta(minutes=1)) == []
    assert Message.objects.filter(event="analysis.missed").count() == 1


def test_what_is_longer_ago_than_two_weeks_is_not_told(plan):
    plan.created_at = NOW - timedelta(days=300)
    plan.save()
    runs.due(now=NOW - timedelta(seconds=1))
    slots = [slot for slot, _ in states(plan)]
    assert len(slots) == 6 * 10
    assert slots[0] == NOW - timedelta(days=14)
    assert Message.objects.filter(event="analysis.missed").count() == 1


def test_from_before_it_was_switched_on_or_got_its_times_none_was_missed(plan):
    plan.created_at = NOW - timedelta(days=30)
    plan.timed_at = NOW + timedelta(hours=3, minutes=30)  # ten o'clock, after the last of its times
    plan.save()
    assert runs.due(now=plan.timed_at + timedelta(minutes=1)) == []
    assert states(plan) == []
    assert not Message.objects.exists()


def test_a_time_that_comes_while_one_runs_is_missed(plan):
    plan.created_at = NOW - timedelta(minutes=5)
    plan.save()
    [run] = runs.due(now=NOW)
    assert runs.claim(run, now=NOW)
    later = NOW + timedelta(minutes=30)
    run_still = AnalysisRun.objects.get(pk=run.pk)
    run_still.lease_until = later + timedelta(minutes=5)
    run_still.save()
    assert runs.due(now=later) == []
    assert states(plan) == [(NOW, Status.RUNNING), (later, Status.MISSED)]


def test_two_never_run_at_once(plan):
    runs.begin(plan, cause=Cause.DEMAND, now=clock.now())
    with pytest.raises(Conflict, match="an analysis of premarket is running"):
        runs.begin(plan, cause=Cause.DEMAND, now=clock.now())
    assert plan.runs.count() == 1


def test_one_that_was_killed_is_given_up_and_the_next_begins(plan):
    lost = runs.begin(plan, cause=Cause.DEMAND, now=NOW)
    AnalysisRun.objects.filter(pk=lost.pk).update(
        status=Status.RUNNING, claim_token="elsewhere:1:x.1", lease_until=NOW + timedelta(minutes=10)
    )
    with pytest.raises(Conflict):
        runs.begin(plan, cause=Cause.DEMAND, now=NOW + timedelta(minutes=9))
    again = runs.begin(plan, cause=Cause.DEMAND, now=NOW + timedelta(minutes=11))
    lost.refresh_from_db()
    assert (lost.status, lost.error) == (Status.FAILED, "the process that worked on it is gone")
    assert again.status == Status.WAITING
    assert Message.objects.filter(event="analysis.failed").count() == 1


def test_a_run_is_claimed_once(plan):
    run = runs.begin(plan, cause=Cause.DEMAND, now=NOW)
    other = AnalysisRun.objects.get(pk=run.pk)
    assert runs.claim(run, now=NOW)
    assert not runs.claim(other, now=NOW)


def test_a_plan_that_is_switched_off_does_not_run(plan):
    plan.active = False
    plan.save()
    assert runs.due(now=NOW) == []
    assert plan.runs.count() == 0


def test_who_asks_gets_a_run_and_the_queue_a_task(plan):
    run = launch.ask(plan, now=clock.now())
    [task] = OrmQ.objects.filter(key="slow")
    assert task.task["func"] == "signals.tasks.analyse"
    assert task.task["args"] == (run.public_id,)
