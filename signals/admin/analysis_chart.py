"""A symbol's last months as a line, with the forecast's band at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signals.models import Bar, Forecast

WIDTH, HEIGHT, MARGIN = 720, 120, 6  # the drawing's own units
DAYS = 90
_AHEAD = 40  # of the width, for what is forecast


@dataclass(frozen=True)
class Chart:
    """Points are `x,y` as SVG wants them; `y_…` are heights of the forecast's price and of its band."""

    line: str
    low: float
    high: float
    first: str
    last: str
    x_last: float
    y_last: float
    x_ahead: float
    y_ahead: float
    band: str
    words: str
    width: int = WIDTH
    height: int = HEIGHT


def of(bars: Sequence[Bar], forecast: Forecast | None) -> Chart | None:
    """None without at least two days of prices; `bars` oldest first."""
    if len(bars) < 2:
        return None
    prices = [bar.close for bar in bars]
    told = [] if forecast is None else [forecast.low, forecast.high, forecast.predicted_price]
    low, high = min([*prices, *told]), max([*prices, *told])
    span = high - low or 1.0

    def y(price: float) -> float:
        return round(MARGIN + (HEIGHT - 2 * MARGIN) * (high - price) / span, 1)

    x_last = float(WIDTH - _AHEAD)
    step = x_last / (len(prices) - 1)
    line = " ".join(f"{number * step:.1f},{y(price)}" for number, price in enumerate(prices))
    y_last, x_ahead, y_ahead, band = y(prices[-1]), float(WIDTH - 4), y(prices[-1]), ""
    words = f"{prices[-1]:.2f} on {bars[-1].date}"
    if forecast is not None:
        y_ahead = y(forecast.predicted_price)
        band = f"{x_last},{y_last} {x_ahead},{y(forecast.high)} {x_ahead},{y(forecast.low)}"
        words += (
            f"; {forecast.model} expects {forecast.predicted_price:.2f} in {forecast.horizon_days} trading days, "
            f"between {forecast.low:.2f} and {forecast.high:.2f} with 80 % probability"
        )
    return Chart(
        line=line, low=low, high=high, first=str(bars[0].date), last=str(bars[-1].date), x_last=x_last, y_last=y_last,
        x_ahead=x_ahead, y_ahead=y_ahead, band=band, words=words,
    )  # fmt: skip


def recent(source: str, symbol: str, *, until: object) -> list[Bar]:
    """The last bars up to and including a day, oldest first."""
    found = Bar.objects.filter(source=source, symbol=symbol, date__lte=until).order_by("-date")[:DAYS]
    return list(found)[::-1]
