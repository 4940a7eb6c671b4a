"""What was made, day by day: bars, and their running sum as a line; and the same as a table by strategy (P3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from signals.models import PnlDay
from tradeops.core.money import ZERO, plain

DAYS = 90
STEP, HEIGHT, MARGIN = 8, 140, 4  # the drawing's own units


@dataclass(frozen=True)
class Bar:
    x: int
    y: float
    height: float
    tone: str  # good, bad
    words: str


@dataclass(frozen=True)
class Row:
    """One strategy's sum over the days shown; `net` is after fees and funding."""

    strategy: str
    realised: Decimal
    fees: Decimal
    funding: Decimal
    fills: int

    @property
    def net(self) -> Decimal:
        return self.realised - self.fees - self.funding


@dataclass(frozen=True)
class Chart:
    """Of one currency: amounts of different ones are not added up."""

    currency: str
    bars: list[Bar]
    line: str
    zero: float
    first: date
    last: date
    total: Decimal
    rows: list[Row]
    words: str
    width: int = DAYS * STEP
    height: int = HEIGHT


def of(rows: Iterable[PnlDay], *, today: date) -> list[Chart]:
    """One for each currency, the most traded first; `rows` with their strategy, of the last `DAYS` days."""
    by_currency: dict[str, list[PnlDay]] = {}
    for row in rows:
        if today - timedelta(days=DAYS) < row.day <= today + timedelta(days=1):
            by_currency.setdefault(row.currency, []).append(row)
    return [
        _chart(currency, found, today=today)
        for currency, found in sorted(by_currency.items(), key=lambda item: -sum(row.fills for row in item[1]))
    ]


def _net(row: PnlDay) -> Decimal:
    return row.realised_pnl - row.fees - row.funding


def _chart(currency: str, rows: list[PnlDay], *, today: date) -> Chart:
    last = max(today, *(row.day for row in rows))  # an account's day may have begun already
    days = [last - timedelta(days=number) for number in reversed(range(DAYS))]
    made = dict.fromkeys(days, ZERO)
    for row in rows:
        made[row.day] = made.get(row.day, ZERO) + _net(row)
    sums, total = [], ZERO
    for day in days:
        total += made[day]
        sums.append(total)
    low, high = min(ZERO, *made.values(), *sums), max(ZERO, *made.values(), *sums)
    span = (high - low) or Decimal(1)

    def y(value: Decimal) -> float:
        return round(float(MARGIN + (HEIGHT - 2 * MARGIN) * (high - value) / span), 1)

    bars = [
        Bar(
            number * STEP + 1,
            min(y(made[day]), y(ZERO)),
            max(1.0, round(abs(y(made[day]) - y(ZERO)), 1)),
            "good" if made[day] > 0 else "bad",
            f"{day}: {plain(made[day])} {currency}",
        )
        for number, day in enumerate(days)
        if made[day]
    ]
    line = " ".join(f"{number * STEP + STEP // 2},{y(value)}" for number, value in enumerate(sums))
    words = f"Net profit and loss in {currency or 'quote currency'}, {days[0]} to {last}: {plain(total)} in all"
    return Chart(currency, bars, line, y(ZERO), days[0], last, total, _by_strategy(rows), words)


def _by_strategy(rows: list[PnlDay]) -> list[Row]:
    found: dict[str, list[PnlDay]] = {}
    for row in rows:
        found.setdefault(row.strategy.slug, []).append(row)
    return [
        Row(
            slug,
            sum((row.realised_pnl for row in some), ZERO),
            sum((row.fees for row in some), ZERO),
            sum((row.funding for row in some), ZERO),
            sum(row.fills for row in some),
        )
        for slug, some in sorted(found.items())
    ]
