"""Trading days as rows: holidays, early closes, and both changes of the clock (D3, A1)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from signals.market import calendar
from signals.models import MarketDay
from tradeops.core.errors import ConfigurationError

pytestmark = pytest.mark.django_db

# The New York Stock Exchange's own list for 2026.
HOLIDAYS = {
    date(2026, 1, 1), date(2026, 1, 19), date(2026, 2, 16), date(2026, 4, 3), date(2026, 5, 25), date(2026, 6, 19),
    date(2026, 7, 3), date(2026, 9, 7), date(2026, 11, 26), date(2026, 12, 25),
}  # fmt: skip
EARLY = {date(2026, 11, 27), date(2026, 12, 24)}


def test_a_year_has_its_holidays_and_its_early_closes():
    found = calendar.sessions("XNYS", date(2026, 1, 1), date(2026, 12, 31))
    weekdays = {
        date.fromordinal(day)
        for day in range(date(2026, 1, 1).toordinal(), date(2026, 12, 31).toordinal() + 1)
        if date.fromordinal(day).weekday() < 5
    }
    assert {session.date for session in found} == weekdays - HOLIDAYS
    early = {session.date for session in found if (session.closes_at.hour, session.closes_at.minute) == (18, 0)}
    assert early == EARLY


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2026, 3, 6), (14, 30), (21, 0)),  # the last Friday before the clock goes forward
        (date(2026, 3, 9), (13, 30), (20, 0)),
        (date(2026, 10, 30), (13, 30), (20, 0)),
        (date(2026, 11, 2), (14, 30), (21, 0)),  # the first Monday after it went back
        (date(2026, 11, 27), (14, 30), (18, 0)),
    ],
)
def test_hours_are_new_yorks(day, opens, closes):
    session = calendar.session("XNYS", day)
    assert session.opens_at == datetime(day.year, day.month, day.day, *opens, tzinfo=UTC)
    assert session.closes_at == datetime(day.year, day.month, day.day, *closes, tzinfo=UTC)


def test_a_closed_day_has_no_session():
    assert calendar.session("XNYS", date(2026, 11, 21)) is None
    assert calendar.session("XNYS", date(2026, 11, 26)) is None


def test_what_is_known_is_read_from_rows_without_the_library(django_assert_num_queries):
    calendar.sessions("XNYS", date(2026, 11, 2), date(2026, 11, 30))
    with django_assert_num_queries(1):
        calendar.sessions("XNYS", date(2026, 11, 10), date(2026, 11, 20))


def test_another_exchange_has_its_own_days():
    assert calendar.session("XLON", date(2026, 11, 26)) is not None  # Thanksgiving is New York's
    assert MarketDay.objects.filter(calendar="XLON").exists()


# Tokyo rests from 11:30 to 12:30 in its own time, Hong Kong from 12:00 to 13:00.
@pytest.mark.parametrize(
    ("name", "opens", "rests", "ends", "closes"),
    [("XTKS", (0, 0), (2, 30), (3, 30), (6, 30)), ("XHKG", (1, 30), (4, 0), (5, 0), (8, 0))],
)
def test_a_lunch_break_is_no_time_to_trade(name, opens, rests, ends, closes):
    def at(hours, minutes=0):
        return datetime(2026, 7, 1 if name == "XTKS" else 2, *hours, tzinfo=UTC) + timedelta(minutes=minutes)

    session = calendar.session(name, at(opens).date())
    assert (session.opens_at, session.closes_at) == (at(opens), at(closes))
    assert (session.break_starts_at, session.break_ends_at) == (at(rests), at(ends))
    assert calendar.open_session(name, at(rests, -1)) == session
    assert calendar.open_session(name, at(rests)) is None
    assert calendar.open_session(name, at(ends, -1)) is None
    assert calendar.open_session(name, at(ends)) == session
    assert calendar.open_session(name, at(closes)) is None
    assert calendar.opens_next(name, at(rests)) == at(ends)
    assert (calendar.in_break(name, at(rests)), calendar.in_break(name, at(closes))) == (True, False)


def test_new_york_does_not_rest():
    session = calendar.session("XNYS", date(2026, 11, 2))
    assert (session.break_starts_at, session.break_ends_at) == (None, None)


def test_a_calendar_that_does_not_exist_is_refused():
    with pytest.raises(ConfigurationError, match="there is no calendar 'XNOP'"):
        calendar.session("XNOP", date(2026, 11, 26))


def test_days_that_nobody_knows_yet_are_refused():
    with pytest.raises(ConfigurationError, match="does not know all days"):
        calendar.sessions("XNYS", date(2031, 1, 1), date(2031, 1, 9))
