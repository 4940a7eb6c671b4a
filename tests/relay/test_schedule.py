"""L3: when a try is repeated, with fixed times."""

import random
from datetime import timedelta

import pytest

from relay.delivery import schedule
from relay.delivery.outcome import Outcome

from .conftest import NOW


def outcome(status=None, *, ms=0, retry_after=None, error=""):
    return Outcome(at=NOW, ms=ms, status_code=status, retry_after=retry_after, error=error)


def judge(found, *, tries=1, deadline=60.0, factor=1.0):
    expires_at = NOW + timedelta(seconds=deadline)
    return schedule.judge(found, tries=tries, expires_at=expires_at, jitter=lambda low, high: factor)


def seconds(verdict):
    assert isinstance(verdict, schedule.Retry)
    return (verdict.at - NOW).total_seconds()


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_delivered(status):
    assert judge(outcome(status)) == schedule.Delivered()


def test_410_is_gone_for_good():
    assert judge(outcome(410)) == schedule.Gone()


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 405, 408, 413, 422, 425, 429, 500, 503])
def test_every_other_answer_is_tried_again_until_the_deadline(status):
    assert seconds(judge(outcome(status))) == 0.5


@pytest.mark.parametrize(
    ("tries", "delay"), [(1, 0.5), (2, 1), (3, 2), (4, 4), (5, 8), (6, 15), (7, 30), (8, 30), (100, 30)]
)
def test_the_waits_grow_to_thirty_seconds_and_stay_there(tries, delay):
    assert seconds(judge(outcome(500), tries=tries, deadline=3600)) == delay


def test_the_wait_runs_from_the_end_of_the_try():
    assert seconds(judge(outcome(error="no answer", ms=10_000), deadline=3600)) == 10.5


@pytest.mark.parametrize(("factor", "delay"), [(0.8, 6.4), (1.2, 9.6)])
def test_jitter_stretches_a_wait_by_up_to_a_fifth(factor, delay):
    drawn = []

    def jitter(low, high):
        drawn.append((low, high))
        return factor

    verdict = schedule.judge(outcome(500), tries=5, expires_at=NOW + timedelta(hours=1), jitter=jitter)
    assert seconds(verdict) == pytest.approx(delay)
    assert drawn == [(0.8, 1.2)]
    assert 0.8 <= random.uniform(*drawn[0]) <= 1.2


def test_what_comes_too_late_is_tried_once_more_just_before_the_deadline():
    assert seconds(judge(outcome(500, ms=30_000), tries=7, deadline=45)) == 44


def test_after_the_last_call_it_is_given_up_with_the_reason():
    verdict = judge(outcome(503, ms=59_100), tries=8, deadline=60)
    assert verdict == schedule.GiveUp("the deadline passed after 8 tries; the last: HTTP 503")
    verdict = judge(outcome(error="no complete answer within 10 s", ms=70_000), tries=1, deadline=60)
    assert verdict == schedule.GiveUp("the deadline passed after 1 try; the last: no complete answer within 10 s")


@pytest.mark.parametrize(("asked", "delay"), [(20.0, 20.0), (0.1, 0.5), (0.0, 0.5), (600.0, 59.0)])
def test_retry_after_is_honoured_within_the_deadline(asked, delay):
    assert seconds(judge(outcome(429, retry_after=asked))) == delay


def test_a_signal_of_sixty_seconds_gets_these_tries():
    moment, tries, found = NOW, 0, []
    expires_at = NOW + timedelta(seconds=60)
    while True:
        found.append((moment - NOW).total_seconds())
        tries += 1
        answer = Outcome(at=moment, ms=0, status_code=500)
        verdict = schedule.judge(answer, tries=tries, expires_at=expires_at, jitter=lambda low, high: 1.0)
        if not isinstance(verdict, schedule.Retry):
            break
        moment = verdict.at
    assert found == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 30.5, 59]
