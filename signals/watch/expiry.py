"""TradingView alerts end on a day that only the operator knows: warned of 7 days and 1 day before, and on it (I13)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from signals.models import ExpiryWarning
from tradeops.core import events
from tradeops.core.events import Event, Level

from .plan import Ending

STAGES = (0, 1, 7)  # days before, the most urgent first


def stage(ending: Ending, *, now: datetime) -> int | None:
    """The stage that has come; None while the end is more than a week away. Days are UTC's."""
    left = (ending.on - now.date()).days
    return next((days for days in STAGES if left <= days), None)


def due(endings: Iterable[Ending], *, now: datetime) -> list[tuple[Ending, int]]:
    """Those whose present stage nobody was told of."""
    reached = [(one, days) for one in endings if (days := stage(one, now=now)) is not None]
    return [
        (one, days)
        for one, days in reached
        if not ExpiryWarning.objects.filter(strategy_id=one.pk, expires_on=one.on, days_before=days).exists()
    ]


def warn(ending: Ending, days_before: int, *, now: datetime) -> None:
    """In the caller's transaction; the unique row makes it once."""
    ExpiryWarning.objects.create(strategy_id=ending.pk, expires_on=ending.on, days_before=days_before, warned_at=now)
    left = (ending.on - now.date()).days
    if left > 0:
        title = f"The TradingView alert of {ending.slug} ends in {left} day{'s' if left > 1 else ''}, on {ending.on}"
    else:
        title = f"The TradingView alert of {ending.slug} {'ends today' if left == 0 else f'ended on {ending.on}'}"
    events.publish(
        Event(
            name="strategy.alert_expires",
            at=now,
            level=Level.CRITICAL if left <= 0 else Level.WARNING,
            title=f"{title}: renew it there, then note the new date here",
            strategy=ending.slug,
            body={"expires_on": ending.on.isoformat(), "days_left": left},
        )
    )
