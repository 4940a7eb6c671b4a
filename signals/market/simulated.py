"""Prices for demos and tests: a smooth, seeded walk, the same for everybody at the same second."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

from accounts.brokers.base import Quote
from accounts.brokers.candles import range_volatility
from accounts.models import Account
from signals.receive import Alert

SPREAD_BPS = Decimal(2)
CENT = Decimal("0.01")
DAY_VOLUME = Decimal(24_000)


@lru_cache(maxsize=1000)
def _volatility(symbol: str, hour: datetime) -> Decimal | None:
    """Of the day before the hour, from its prices each ten minutes."""
    walk = SimulatedPrices()
    seen = [walk.price(symbol, hour - timedelta(minutes=10 * number)) for number in range(144)]
    return range_volatility(max(seen), min(seen))


class SimulatedPrices:
    """A base price between 10 and 100,000 drawn from the symbol, moved by three waves of up to ±3 % together."""

    def quote(self, *, symbol: str, alert: Alert, account: Account, received_at: datetime, now: datetime) -> Quote:
        at = now.astimezone(UTC).replace(microsecond=0)
        last = self.price(symbol, at)
        half = max((last * SPREAD_BPS / 20000).quantize(CENT, rounding=ROUND_HALF_EVEN), CENT)
        return Quote(
            symbol=symbol,
            bid=last - half,
            ask=last + half,
            last=last,
            at=at,
            source="simulated",
            volume=DAY_VOLUME,
            volatility=_volatility(symbol, at.replace(minute=0, second=0)),
        )

    def price(self, symbol: str, at: datetime) -> Decimal:
        digest = hashlib.sha256(symbol.encode()).digest()
        base = 10 ** (1 + 4 * digest[0] / 255)
        seconds = at.timestamp()
        waves = zip((digest[1], digest[2], digest[3]), (61, 907, 14400), strict=True)
        drift = sum(0.01 * math.sin(2 * math.pi * (seconds / period + phase / 255)) for phase, period in waves)
        return Decimal(str(round(base * (1 + drift), 2)))
