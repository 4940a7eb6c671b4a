"""What venues tell of the past of a price: candles, and how much it moved in a day."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Protocol, runtime_checkable

_STEP = Decimal("0.000001")


@dataclass(frozen=True, kw_only=True)
class Candle:
    """`at` is when it begins; `volume` in base units."""

    at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@runtime_checkable
class CandleBroker(Protocol):
    """A broker that has candles besides. Needs no credentials."""

    def candles(self, symbol: str, *, timeframe: str, count: int, now: datetime) -> tuple[Candle, ...]:
        """The last `count` or more of `1m 5m 15m 1h 4h 1d` (days in UTC), oldest first, the running one among them.

        Raises BrokerTemporary or BrokerRejected.
        """


def range_volatility(high: Decimal, low: Decimal) -> Decimal | None:
    """The volatility of a stretch of time from its highest and lowest price, as a share of the price.

    Parkinson (1980), «The Extreme Value Method for Estimating the Variance of the Rate of Return»:
    ln(high / low) / (2 √ln 2). None for what cannot be prices.
    """
    if not (low.is_finite() and high.is_finite()) or low <= 0 or high < low:
        return None
    found = math.log(high / low) / (2 * math.sqrt(math.log(2)))
    return Decimal(repr(found)).quantize(_STEP, rounding=ROUND_HALF_EVEN)
