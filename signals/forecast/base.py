"""What a forecast provider gives: a price some trading days ahead, how sure it is, and which model said it (A3)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tradeops.core.errors import TradeOpsError

BAND = 0.8  # the share of outcomes that the band from `low` to `high` should hold
_Z = 1.2815515655446004  # half of the band in standard deviations of a normal distribution


class NoForecast(TradeOpsError):
    """The provider cannot tell; the message says why."""

    code = "no_forecast"


class OutOfTime(Exception):
    """A network was not trained in its time; the message says how far it came."""


class Learnt(NamedTuple):
    """A network's price and the ends of its band, `horizon` bars ahead."""

    price: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """`price` is the middle, `low` … `high` hold 80 %; `confidence` is the probability of `direction` (UP or DOWN)."""

    model: str
    price: float
    low: float
    high: float
    direction: str
    confidence: float


class ForecastProvider(Protocol):
    models: tuple[str, ...]

    def predict(self, closes: Mapping[str, Sequence[float]], *, horizon: int) -> dict[str, Prediction | NoForecast]:
        """One answer per symbol: closes are daily, oldest first, finite and above zero; `horizon` in bars."""


def from_band(*, model: str, last: float, price: float, low: float, high: float) -> Prediction:
    """The direction and its probability, taking the band for that of a normal distribution around `price`."""
    if not all(math.isfinite(value) for value in (last, price, low, high)) or high < low:
        raise NoForecast(f"{model} gave no usable numbers")
    spread = (high - low) / (2 * _Z)
    up = 0.5 * math.erfc(-(price - last) / (spread * math.sqrt(2))) if spread > 0 else float(price > last)
    direction = "UP" if up >= 0.5 else "DOWN"
    return Prediction(model=model, price=price, low=low, high=high, direction=direction, confidence=max(up, 1 - up))
