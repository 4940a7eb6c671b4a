"""Trading days, holidays and early closes of exchanges (D3, A1), from `exchange_calendars`.

The library takes a second to load and knows about a year ahead. So its days are copied into `MarketDay`, a month of
them at a time, and every process reads rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from signals.models import MarketDay
from tradeops.core import configuration
from tradeops.core.errors import ConfigurationError

# As far as one look into the library reaches, so that it is loaded rarely.
_AHEAD = timedelta(days=60)
_DAY = timedelta(days=1)
_MOST_KEPT = 100


@dataclass(frozen=True)
class Session:
    """One trading day: when it opens and closes, in UTC, and its lunch break, where the exchange has one."""

    date: date
    opens_at: datetime
    closes_at: datetime
    break_starts_at: datetime | None = None
    break_ends_at: datetime | None = None

    def rests(self, now: datetime) -> bool:
        """Whether it is the break: from its start on, and at its end no more."""
        if self.break_starts_at is None or self.break_ends_at is None:
            return False
        return self.break_starts_at <= now < self.break_ends_at

    def is_open(self, now: datetime) -> bool:
        return self.opens_at <= now < self.closes_at and not self.rests(now)


def sessions(calendar: str, first: date, last: date) -> list[Session]:
    """The trading days from `first` to `last`, both included.

    Raises ConfigurationError for a calendar that does not exist, or days that it does not know (yet).
    """
    days = _rows(calendar, first, last)
    if len(days) <= (last - first).days:
        _learn(calendar, first, last + _AHEAD)
        days = _rows(calendar, first, last)
        if len(days) <= (last - first).days:
            raise ConfigurationError(f"the calendar {calendar} does not know all days from {first} to {last}")
    return [
        Session(day.date, day.opens_at, day.closes_at, day.break_starts_at, day.break_ends_at)
        for day in days
        if day.opens_at is not None and day.closes_at is not None
    ]


def session(calendar: str, day: date) -> Session | None:
    """The trading day, or None when the exchange is closed. Raises as `sessions`."""
    found = sessions(calendar, day, day)
    return found[0] if found else None


_hours: configuration.Cached[dict[tuple[str, date], list[Session]]] = configuration.Cached(dict)


def around(calendar: str, now: datetime) -> list[Session]:
    """The sessions of yesterday, today and tomorrow, by UTC: one of them is open now, or none is.

    Kept by each process; the first look of a day may load the library, so not in a transaction. Raises as `sessions`.
    """
    today = now.astimezone(UTC).date()
    known = _hours()
    if (calendar, today) not in known:
        if len(known) > _MOST_KEPT:
            known.clear()
        known[calendar, today] = sessions(calendar, today - _DAY, today + _DAY)
    return known[calendar, today]


def open_session(calendar: str, now: datetime) -> Session | None:
    """The one that is open: from its opening on, at its close no more, and not in its break. Raises as `sessions`."""
    return next((one for one in around(calendar, now) if one.is_open(now)), None)


def in_break(calendar: str, now: datetime) -> bool:
    return any(one.rests(now) for one in around(calendar, now))


def opens_next(calendar: str, now: datetime) -> datetime | None:
    """When it is open again, if that is soon: after the break, or the next day. Raises as `sessions`."""
    found = around(calendar, now)
    starts = [one.opens_at for one in found] + [one.break_ends_at for one in found if one.break_ends_at is not None]
    return min((at for at in starts if at > now), default=None)


def names() -> list[str]:
    """Every calendar that there is. Loads the library."""
    import exchange_calendars

    return sorted(exchange_calendars.get_calendar_names())


def _rows(calendar: str, first: date, last: date) -> list[MarketDay]:
    return list(MarketDay.objects.filter(calendar=calendar, date__gte=first, date__lte=last).order_by("date"))


def _learn(calendar: str, first: date, last: date) -> None:
    """Copies the days of `first` … `last` that the library knows into rows."""
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    try:
        found = exchange_calendars.get_calendar(calendar)
    except InvalidCalendarName:
        raise ConfigurationError(
            f"there is no calendar {calendar!r}; use an exchange's ISO 10383 code, such as XNYS or XLON"
        ) from None
    last = min(last, found.last_session.date())
    schedule = found.schedule.loc[first.isoformat() : last.isoformat()]
    known = {
        when.date(): [
            None if at != at else at.to_pydatetime() for at in times
        ]  # what is not there equals not even itself
        for when, *times in schedule[["open", "close", "break_start", "break_end"]].itertuples()
    }
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    rows = [
        MarketDay(
            calendar=calendar, date=day, opens_at=opens, closes_at=closes, break_starts_at=starts, break_ends_at=ends
        )
        for day in days
        for opens, closes, starts, ends in [known.get(day, (None, None, None, None))]
    ]
    MarketDay.objects.bulk_create(rows, ignore_conflicts=True)
