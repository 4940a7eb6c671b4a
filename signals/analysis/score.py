"""Forecasts against what came: hit rate and error by model, beside the naive one that nothing changes (A3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Min

from signals.market.history import store
from signals.models import Forecast

_AT_ONCE = 2000
_GIVEN_UP = timedelta(weeks=4)


@dataclass(frozen=True)
class Standing:
    """`error` and `naive_error` are mean absolute errors in per cent of the price; below 1 `ratio` beats the naive."""

    model: str
    count: int
    hit_rate: float
    error: float
    naive_error: float

    @property
    def ratio(self) -> float | None:
        return self.error / self.naive_error if self.naive_error else None


@dataclass(frozen=True)
class Bin:
    """Forecasts that were as sure as `low` … `high`, and how many of them were right."""

    low: float
    high: float
    count: int
    hit_rate: float


def due_on(base: date, horizon_days: int) -> date:
    """The first day on which a forecast's day may be over; where there are days without trade, it is later."""
    return base + timedelta(days=horizon_days)


def score(*, now: datetime, ask: Callable[[str, str], bool] = lambda *_: False) -> int:
    """Fills in the prices of horizons that have passed, as far as the bars are there; returns how many.

    Where one is missing, `ask` is called with the source and the symbol and may read more; False: it was not its turn.
    What has no price after that is looked at again tomorrow, so a symbol that is gone keeps no other waiting; weeks
    after its horizon it is unscorable.
    """
    done = 0
    for source, symbol in _waiting(now.date()):
        count, left = _of(source, symbol, now=now)
        done += count
        if left and ask(source, symbol):
            count, left = _of(source, symbol, now=now)
            done += count
            _put_off(left, now=now)
    return done


def _waiting(today: date) -> list[tuple[str, str]]:
    """Those that have been due for longest first."""
    found = Forecast.objects.filter(due_on__lte=today).values_list("source", "symbol").annotate(first=Min("due_on"))
    return [(source, symbol) for source, symbol, _ in found.order_by("first", "source", "symbol")]


def _of(source: str, symbol: str, *, now: datetime) -> tuple[int, list[Forecast]]:
    """Scores one symbol's; returns how many, and those without a price."""
    closes = store.closes(name=source, symbol=symbol)
    found, left = [], []
    due = Forecast.objects.filter(due_on__lte=now.date(), source=source, symbol=symbol)
    for row in due.order_by("due_on", "pk")[:_AT_ONCE]:
        row.actual_price = _actual(closes, row)
        if row.actual_price is None:
            left.append(row)
        else:
            row.scored_at, row.due_on = now, None
            found.append(row)
    Forecast.objects.bulk_update(found, ["actual_price", "scored_at", "due_on"], batch_size=200)
    return len(found), left


def _put_off(rows: list[Forecast], *, now: datetime) -> None:
    for row in rows:
        row.due_on = now.date() + timedelta(days=1)
        if _is_gone(row, now.date()):
            row.unscorable_at, row.due_on = now, None
    Forecast.objects.bulk_update(rows, ["unscorable_at", "due_on"], batch_size=200)


def _is_gone(row: Forecast, today: date) -> bool:
    """Days of trade are counted double, which is more than weekends and holidays make of them."""
    return row.base_date + timedelta(days=2 * row.horizon_days) + _GIVEN_UP < today


def _actual(closes: dict[date, float], row: Forecast) -> float | None:
    """The close of the `horizon_days`-th day after the base, in the money of the forecast; None while it is not there.

    A split or a dividend since then has changed the scale of what is stored, that of the base too.
    """
    after = sorted(day for day in closes if day > row.base_date)
    if row.base_date not in closes or len(after) < row.horizon_days:
        return None
    return closes[after[row.horizon_days - 1]] * row.base_price / closes[row.base_date]


def unscorable() -> int:
    return Forecast.objects.filter(unscorable_at__isnull=False).count()


def standings() -> list[Standing]:
    """By model, those with the most forecasts first."""
    found: dict[str, list[Forecast]] = {}
    for row in Forecast.objects.filter(scored_at__isnull=False).only(
        "model", "base_price", "predicted_price", "actual_price", "direction"
    ):
        found.setdefault(row.model, []).append(row)
    standings = [_standing(model, rows) for model, rows in found.items()]
    return sorted(standings, key=lambda standing: (-standing.count, standing.model))


def _standing(model: str, rows: list[Forecast]) -> Standing:
    errors = [abs(row.predicted_price - (row.actual_price or 0)) / row.base_price for row in rows]
    naive = [abs(row.base_price - (row.actual_price or 0)) / row.base_price for row in rows]
    return Standing(
        model=model,
        count=len(rows),
        hit_rate=sum(map(_hit, rows)) / len(rows),
        error=100 * sum(errors) / len(rows),
        naive_error=100 * sum(naive) / len(rows),
    )


def _hit(row: Forecast) -> bool:
    """A price that did not move was nobody's direction."""
    moved = (row.actual_price or 0) - row.base_price
    return moved > 0 if row.direction == "UP" else moved < 0


def calibration(model: str, *, bins: int = 5) -> list[Bin]:
    """Confidence against outcomes, from 0.5 to 1 in equal steps; empty steps are left out."""
    rows = list(
        Forecast.objects.filter(scored_at__isnull=False, model=model).only(
            "confidence", "direction", "base_price", "actual_price"
        )
    )
    width = 0.5 / bins
    found = []
    for number in range(bins):
        low, high = 0.5 + number * width, 0.5 + (number + 1) * width
        inside = [row for row in rows if low <= row.confidence < high or (high == 1.0 and row.confidence == 1.0)]
        if inside:
            found.append(Bin(low, high, len(inside), sum(map(_hit, inside)) / len(inside)))
    return found
