"""Histories, each day asked for once: what is stored is not asked for again (`Bar`)."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction

from signals.models import Bar

from .base import DayBar, HistorySource, NoHistory, bars_of

# The last days are always asked for again: a day that is not over, a correction, a split.
_FRESH_DAYS = 5
DAYS = 501  # for the 500 closes of a forecast, and the day that is not over


def history(source: HistorySource, *, name: str, symbol: str, days: int, now: datetime) -> list[DayBar]:
    """The last `days` bars of a symbol, oldest first, stored. Raises NoHistory when there are none to be had.

    The last one may be of a day that is not over: it is stored, not `final`, and asked for again.
    A split or a dividend changes what the source says of the past: then all of it is read anew.
    """
    stored = _stored(name, symbol)
    wanted = days if len(stored) < days else _FRESH_DAYS
    found = bars_of(source, symbol, days=wanted, now=now)
    if wanted < days and (_gap(stored, found) or _adjusted(stored, found)):
        found = bars_of(source, symbol, days=days, now=now)
        stored = {}
    _store(name, symbol, found, anew=not stored)
    merged = dict(stored)
    merged.update({bar.date: bar for bar in found})
    return [merged[day] for day in sorted(merged)][-days:]


def closes(*, name: str, symbol: str) -> dict[date, float]:
    """Date → close of what is stored, of days that were over when they were read."""
    return {day: bar.close for day, bar in _stored(name, symbol).items() if bar.final}


def _stored(name: str, symbol: str) -> dict[date, DayBar]:
    rows = Bar.objects.filter(source=name, symbol=symbol).order_by("date")
    return {row.date: DayBar(row.date, row.open, row.high, row.low, row.close, row.volume, row.final) for row in rows}


def _gap(stored: dict[date, DayBar], found: list[DayBar]) -> bool:
    """Whether days lie between what is stored and what came."""
    return found[0].date not in stored


def _adjusted(stored: dict[date, DayBar], found: list[DayBar]) -> bool:
    settled = [bar for bar in found[:-1] if bar.date in stored]
    return any(abs(stored[bar.date].close / bar.close - 1) > 0.001 for bar in settled[:-1])


@transaction.atomic  # who reads meanwhile sees all of the old ones, or all of the new
def _store(name: str, symbol: str, found: list[DayBar], *, anew: bool) -> None:
    if not found:
        raise NoHistory(f"{symbol}: no prices")
    if anew:
        Bar.objects.filter(source=name, symbol=symbol).delete()  # a cache, not a ledger
    Bar.objects.bulk_create(
        [Bar(source=name, symbol=symbol, **bar.__dict__) for bar in found],
        update_conflicts=True,
        unique_fields=["source", "symbol", "date"],
        update_fields=["open", "high", "low", "close", "volume", "final"],
    )
