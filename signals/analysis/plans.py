"""Plans: what is right in one, and taking one out of use."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django_q.models import Schedule

from signals.forecast import registry
from signals.market import calendar
from signals.market.history.base import history_source
from signals.models import AnalysisPlan
from tradeops.core.errors import ConfigurationError

MOST_SYMBOLS = 50
TICK = "analysis"
_TIMES = frozenset({"active", "calendar", "time_zone", "first_at", "last_at", "every_minutes"})


def check(plan: AnalysisPlan, *, now: datetime) -> None:
    """Raises ConfigurationError for what could never run."""
    if not plan.symbols or len(plan.symbols) > MOST_SYMBOLS:
        raise ConfigurationError(f"symbols: name from 1 to {MOST_SYMBOLS}")
    if len(set(plan.symbols)) < len(plan.symbols):
        raise ConfigurationError("symbols: each once")
    for name in plan.data.split(","):
        history_source(name.strip())
    registry.providers(plan.provider)
    try:
        zone = ZoneInfo(plan.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigurationError(f"time_zone: there is no {plan.time_zone!r}; write it as America/New_York") from None
    if plan.last_at < plan.first_at:
        raise ConfigurationError("last_at: must not be before first_at")
    today = now.astimezone(zone).date()
    calendar.sessions(plan.calendar, today, today + timedelta(days=7))


def changed(plan: AnalysisPlan, names: Iterable[str], *, now: datetime) -> None:
    """Marks it, unsaved, where one of these fields says when it runs: times before that were nobody's to keep."""
    if not _TIMES.isdisjoint(names):
        plan.timed_at = now


def schedule() -> bool:
    """Puts the look at the schedules on django-q2's list, each minute; returns whether it was missing."""
    _, made = Schedule.objects.get_or_create(
        name=TICK,
        defaults={
            "func": "signals.tasks.analyse_due",
            "schedule_type": Schedule.MINUTES,
            "minutes": 1,
            "cluster": "slow",
        },
    )
    return made


def kinds() -> list[str]:
    return sorted(settings.FORECASTS)
