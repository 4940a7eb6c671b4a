"""An account's equity as a line: the last day by its points, a year by its days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from accounts.models import Account
from signals.models import AccountEquity, EquityDay, EquityPoint
from tradeops.core.money import plain

from .equity import KEPT

WIDTH, HEIGHT, MARGIN = 720, 140, 6  # the drawing's own units
SPANS = {"1": "day", "7": "week", "30": "month", "400": "year"}
_BY_POINTS = 30  # longer ones are drawn by the days' last readings
_MOST = 720  # points of a line; more could not be told apart

Reading = tuple[datetime, Decimal]


@dataclass(frozen=True)
class Chart:
    """`line` is empty where there are fewer than two readings; amounts are in the account's currency."""

    span: str
    first: datetime | None
    last: datetime | None
    line: str
    lowest: Decimal | None
    highest: Decimal | None
    change: Decimal | None
    words: str
    valuation: AccountEquity | None
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def word(self) -> str:
        return SPANS[self.span]


def of(account: Account, *, span: str, now: datetime) -> Chart:
    """`span`: one of `SPANS`, in days; any other is the week."""
    span = span if span in SPANS else "7"
    found = _readings(account, since=now - min(timedelta(days=int(span)), KEPT), by_day=int(span) > _BY_POINTS)
    valuation = AccountEquity.objects.filter(account=account).first()
    if valuation is not None and (not found or found[-1][0] < valuation.at):
        found.append((valuation.at, valuation.equity))
    if not found:
        return Chart(span, None, None, "", None, None, None, "Its equity is not known yet.", valuation)
    values = [value for _, value in found]
    low, high, change = min(values), max(values), values[-1] - values[0]
    words = (
        f"Equity in {account.currency} from {plain(values[0])} to {plain(values[-1])}, "
        f"lowest {plain(low)}, highest {plain(high)}"
    )
    first, last = found[0][0], found[-1][0]
    line = _line(found, low=low, high=high) if len(found) > 1 and last > first else ""
    return Chart(span, first, last, line, low, high, change, words, valuation)


def _readings(account: Account, *, since: datetime, by_day: bool) -> list[Reading]:
    """Oldest first."""
    if by_day:
        days = EquityDay.objects.filter(account=account, day__gte=since.date()).order_by("day")
        found = [
            (min(datetime.combine(day, time(12), UTC), at), value)
            for day, at, value in days.values_list("day", "latest_at", "latest")
        ]
        return [reading for reading in found if reading[0] >= since]
    points = EquityPoint.objects.filter(account=account, at__gte=since).order_by("at")
    return _thinned(list(points.values_list("at", "equity")))


def _thinned(found: list[Reading]) -> list[Reading]:
    """Of each stretch the lowest and the highest, so that no peak is lost."""
    if len(found) <= _MOST:
        return found
    size = -(-2 * len(found) // _MOST)
    kept: list[Reading] = []
    for start in range(0, len(found), size):
        some = found[start : start + size]
        kept += sorted({min(some, key=lambda one: one[1]), max(some, key=lambda one: one[1])})
    return [found[0], *kept, found[-1]] if kept[-1] != found[-1] else [found[0], *kept]


def _line(found: Sequence[Reading], *, low: Decimal, high: Decimal) -> str:
    start, whole = found[0][0], (found[-1][0] - found[0][0]).total_seconds()
    span = float(high - low) or 1.0

    def place(reading: Reading) -> str:
        x = (reading[0] - start).total_seconds() / whole * WIDTH
        share = float(reading[1] - low) / span if high > low else 0.5
        return f"{x:.1f},{HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN):.1f}"

    return " ".join(map(place, found))
