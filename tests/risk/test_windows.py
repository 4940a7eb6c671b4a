"""Trading windows: by the wall clock of their own time zone, over midnight, through clock changes (S1)."""

from datetime import UTC, datetime

import pytest

from signals.risk import windows
from tradeops.core.errors import ConfigurationError

NEW_YORK = windows.parse([{"days": "mon-fri", "from": "09:30", "to": "16:00", "time_zone": "America/New_York"}])
NIGHT = windows.parse([{"days": "fri", "from": "22:00", "to": "02:00", "time_zone": "Europe/Berlin"}])


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-07-01T13:29:59.999", False),  # summer: UTC-4
        ("2026-07-01T13:30", True),
        ("2026-07-01T19:59:59.999", True),
        ("2026-07-01T20:00", False),
        ("2026-01-07T14:29:59", False),  # winter: UTC-5
        ("2026-01-07T14:30", True),
        ("2026-01-07T20:59:59", True),
        ("2026-01-07T21:00", False),
        ("2026-03-06T14:30", True),  # the Friday before the clocks change, and the Monday after
        ("2026-03-09T13:30", True),
        ("2026-03-09T13:29:59", False),
        ("2026-07-04T15:00", False),  # a Saturday
    ],
)
def test_the_wall_clock_decides(now, is_open):
    assert windows.is_open(NEW_YORK, now=at(now)) is is_open


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-07-03T19:59:59", False),  # Friday 21:59:59 in Berlin
        ("2026-07-03T20:00", True),
        ("2026-07-03T23:59:59", True),  # Saturday 01:59:59: it belongs to Friday
        ("2026-07-04T00:00", False),
        ("2026-07-04T20:00", False),  # Saturday evening
        ("2026-07-02T23:30", False),  # Friday 01:30: it would belong to Thursday
    ],
)
def test_over_midnight_it_belongs_to_the_day_it_begins(now, is_open):
    assert windows.is_open(NIGHT, now=at(now)) is is_open


def test_over_midnight_through_the_hour_that_comes_twice():
    late = windows.parse([{"days": "sat", "from": "23:00", "to": "02:30", "time_zone": "Europe/Berlin"}])
    # 2026-10-25 in Berlin: 02:00-03:00 comes twice, 00:00-01:00 UTC and 01:00-02:00 UTC.
    assert windows.is_open(late, now=at("2026-10-25T00:29:59"))
    assert not windows.is_open(late, now=at("2026-10-25T00:30"))
    assert windows.is_open(late, now=at("2026-10-25T01:29:59"))
    assert not windows.is_open(late, now=at("2026-10-25T01:30"))


def test_days_may_go_over_the_weekend_and_be_listed():
    assert windows.is_open(windows.parse([{"days": "sat-mon"}]), now=at("2026-07-06T12:00"))
    assert not windows.is_open(windows.parse([{"days": "sat-mon"}]), now=at("2026-07-07T12:00"))
    assert windows.is_open(windows.parse([{"days": "tue, thu"}]), now=at("2026-07-09T12:00"))


def test_one_of_several_is_enough_and_none_is_never():
    both = windows.parse([{"from": "08:00", "to": "09:00"}, {"from": "12:00", "to": "24:00"}])
    assert [windows.is_open(both, now=at(f"2026-07-01T{hour}")) for hour in ("08:30", "10:00", "23:59")] == [
        True, False, True,
    ]  # fmt: skip
    assert not windows.is_open([], now=at("2026-07-01T08:30"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("09:30", "give a list of windows"),
        (["09:30"], r"\[0\]: give a map"),
        ([{}, {"start": "09:30"}], r"\[1\].start: there is no such field"),
        ([{"days": "monday"}], r"\[0\].days: 'monday' is no day"),
        ([{"from": "9:30"}], r"\[0\].from: '9:30' is no time of day"),
        ([{"from": "24:00"}], r"\[0\].from"),
        ([{"to": "24:01"}], r"\[0\].to"),
        ([{"to": "570"}], r"\[0\].to: '570' is no time of day"),
        ([{"time_zone": "Mars/Olympus"}], r"\[0\].time_zone: 'Mars/Olympus' is no time zone"),
        ([{"time_zone": "../../etc"}], r"\[0\].time_zone"),
        ([{"time_zone": ""}], r"\[0\].time_zone"),
    ],
)
def test_a_bad_window_names_its_number_and_field(given, message):
    with pytest.raises(ConfigurationError, match=message):
        windows.parse(given)
