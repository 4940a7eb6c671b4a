"""When a plan runs: on its calendar's trading days, from its first to its last time of day there (A1).

Times are of the plan's zone, so that they keep their place on the clock when daylight saving begins and ends.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from signals.market import calendar
from signals.models import AnalysisPlan

# A run starts this late at most; after that its time is missed, and said so.
GRACE = timedelta(minutes=10)
_LOOK_AHEAD_DAYS = 21  # no exchange is closed for so long


def local_day(plan: AnalysisPlan, at: datetime) -> date:
    return at.astimezone(ZoneInfo(plan.time_zone)).date()


def slots(plan: AnalysisPlan, day: date) -> list[datetime]:
    """The times of one trading day, in UTC; whether it is one is for the caller to know."""
    zone = ZoneInfo(plan.time_zone)
    begin = datetime.combine(day, plan.first_at)
    end = datetime.combine(day, plan.last_at)
    step = timedelta(minutes=plan.every_minutes)
    count = max(0, (end - begin) // step + 1) if end >= begin else 0
    utc = ZoneInfo("UTC")
    return [(begin + step * number).replace(tzinfo=zone).astimezone(utc) for number in range(count)]


def upcoming(plan: AnalysisPlan, *, now: datetime, count: int = 10) -> list[datetime]:
    """The next times after `now`. Raises ConfigurationError where the calendar does not know the days."""
    first = local_day(plan, now)
    found: list[datetime] = []
    while len(found) < count:
        days = calendar.sessions(plan.calendar, first, first + timedelta(days=_LOOK_AHEAD_DAYS))
        found += [slot for day in days for slot in slots(plan, day.date) if slot > now]
        first += timedelta(days=_LOOK_AHEAD_DAYS + 1)
    return found[:count]


def past(plan: AnalysisPlan, *, since: datetime, now: datetime) -> list[datetime]:
    """The times after `since` up to `now`, oldest first."""
    first, last = local_day(plan, since), local_day(plan, now)
    days = calendar.sessions(plan.calendar, first, last)
    return [slot for day in days for slot in slots(plan, day.date) if since < slot <= now]
