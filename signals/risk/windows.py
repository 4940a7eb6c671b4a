"""Times of the week in which something may happen, each in its own time zone (S1, D3).

The clock on the wall decides: 09:30 in New York is 09:30 in summer and in winter. A window whose end is not after its
beginning goes over midnight and belongs to the day on which it begins; the end itself is outside.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tradeops.core.errors import ConfigurationError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FIELDS = ("days", "from", "to", "time_zone")
Window = dict[str, str]


def parse(given: Any) -> list[Window]:
    """`[{"days": "mon-fri", "from": "09:30", "to": "16:00", "time_zone": "America/New_York"}]`.

    Left out: every day, 00:00 to 24:00, UTC. Raises ConfigurationError that begins with the entry's number and field.
    """
    if not isinstance(given, list):
        raise ConfigurationError('give a list of windows, such as [{days: mon-fri, from: "09:30", to: "16:00"}]')
    return [_window(one, number) for number, one in enumerate(given)]


def _window(given: Any, number: int) -> Window:
    if not isinstance(given, dict):
        raise ConfigurationError(f"[{number}]: give a map with {', '.join(_FIELDS)}")
    for name in given:
        if name not in _FIELDS:
            raise ConfigurationError(f"[{number}].{name}: there is no such field; there are {', '.join(_FIELDS)}")
    found = {"days": "mon-sun", "from": "00:00", "to": "24:00", "time_zone": "UTC", **given}
    _at(number, "days", lambda: _days(str(found["days"])))
    _at(number, "from", lambda: _minute(str(found["from"]), last=23 * 60 + 59))
    _at(number, "to", lambda: _minute(str(found["to"]), last=24 * 60))
    _at(number, "time_zone", lambda: zone(found["time_zone"]))
    return {name: str(found[name]).strip() for name in _FIELDS}


def _at(number: int, field: str, read: Any) -> None:
    try:
        read()
    except ConfigurationError as error:
        raise ConfigurationError(f"[{number}].{field}: {error}") from None


def zone(name: Any) -> ZoneInfo:
    """Raises ConfigurationError for what is no time zone."""
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder's name, `../..`, or nothing at all
        raise ConfigurationError(f"{str(name)[:60]!r} is no time zone; use a name such as America/New_York") from None


def is_open(windows: Iterable[Window], *, now: datetime) -> bool:
    """Whether one of them is open."""
    return any(_is_open(one, now) for one in windows)


def _is_open(window: Window, now: datetime) -> bool:
    local = now.astimezone(ZoneInfo(window["time_zone"]))
    days = _days(window["days"])
    begins, ends = _minute(window["from"], last=1439), _minute(window["to"], last=1440)
    minute = local.hour * 60 + local.minute
    if begins < ends:
        return local.weekday() in days and begins <= minute < ends
    yesterday = (local.date() - timedelta(days=1)).weekday()
    return (minute >= begins and local.weekday() in days) or (minute < ends and yesterday in days)


@lru_cache(maxsize=1000)
def _days(text: str) -> Collection[int]:
    """`mon-fri`, `sat,sun`, `fri-mon`."""
    found: set[int] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ConfigurationError(f"{part!r} is no day; use {', '.join(DAYS)}, alone or as in mon-fri")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)}
    return frozenset(found)


@lru_cache(maxsize=1000)
def _minute(text: str, *, last: int) -> int:
    written = re.fullmatch(r"([0-2][0-9]):([0-5][0-9])", text.strip())
    minute = int(written[1]) * 60 + int(written[2]) if written else -1
    if not 0 <= minute <= last:
        raise ConfigurationError(f'{text[:20]!r} is no time of day; write it as "09:30", in quotes')
    return minute


def told(windows: Iterable[Window]) -> str:
    """For people: `mon-fri 09:30-16:00 America/New_York`."""
    return "; ".join(f"{one['days']} {one['from']}-{one['to']} {one['time_zone']}" for one in windows)
