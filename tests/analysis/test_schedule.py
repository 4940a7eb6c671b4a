"""When a plan runs: a whole year of times, as they are specified (A1)."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from signals.analysis import schedule
from signals.models import AnalysisPlan
from tests.market.test_calendar import HOLIDAYS

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan():
    return AnalysisPlan.objects.create(
        slug="premarket", symbols=["AAPL"], data="simulated", first_at=time(6, 30), last_at=time(9, 0)
    )


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def test_six_times_on_each_trading_day_of_a_year_and_none_on_others(plan):
    found = schedule.past(plan, since=utc(2026, 1, 1), now=utc(2027, 1, 1))
    expected = []
    day = date(2026, 1, 1)
    while day < date(2027, 1, 1):
        if day.weekday() < 5 and day not in HOLIDAYS:
            summer = date(2026, 3, 8) <= day < date(2026, 11, 1)
            begin = utc(day.year, day.month, day.day, 10 if summer else 11, 30)
            expected += [begin + timedelta(minutes=30 * number) for number in range(6)]
        day += timedelta(days=1)
    assert found == expected
    assert len(found) == 251 * 6


@pytest.mark.parametrize(
    ("day", "first"),
    [
        (date(2026, 3, 6), utc(2026, 3, 6, 11, 30)),
        (date(2026, 3, 9), utc(2026, 3, 9, 10, 30)),
        (date(2026, 10, 30), utc(2026, 10, 30, 10, 30)),
        (date(2026, 11, 2), utc(2026, 11, 2, 11, 30)),
        (date(2026, 11, 27), utc(2026, 11, 27, 11, 30)),  # closes early, opens as ever
    ],
)
def test_half_past_six_is_new_yorks(plan, day, first):
    assert schedule.slots(plan, day)[0] == first
    assert schedule.slots(plan, day)[-1] == first + timedelta(hours=2, minutes=30)


def test_the_next_ten_pass_over_a_holiday_and_a_weekend(plan):
    found = schedule.upcoming(plan, now=utc(2026, 11, 25, 14, 0))  # Wednesday 9:00, before Thanksgiving
    assert [slot.date() for slot in found] == [date(2026, 11, 27)] * 6 + [date(2026, 11, 30)] * 4


def test_one_time_a_day_where_first_is_last(plan):
    plan.last_at = time(6, 30)
    assert schedule.slots(plan, date(2026, 11, 20)) == [utc(2026, 11, 20, 11, 30)]


def test_an_evening_in_new_york_is_still_its_day(plan):
    assert schedule.local_day(plan, utc(2026, 11, 21, 3, 0)) == date(2026, 11, 20)
