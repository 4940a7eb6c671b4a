"""Prices for demos and tests: a smooth, seeded walk, the same for everybody at the same second."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from decimal import Decimal

from accounts.brokers.base import Quote
from signals.receive import Alert

SPREAD_BPS = Decimal(2)
CENT = Decimal("0.01")


class SimulatedPrices:
    """A base price between 10 and 100,000 drawn from the symbol, moved by three waves of up to ±3 % together."""

    def quote(self, *, symbol: str, alert: Alert, received_at: datetime, now: datetime) -> Quote:
        at = now.astimezone(UTC).replace(microsecond=0)
        last = self.price(symbol, at)
        half = max((last * SPREAD_BPS / 20000).quantize(CENT), CENT)
        return Quote(symbol=symbol, bid=last - half, ask=last + half, last=last, at=at, source="simulated")

    def price(self, symbol: str, at: datetime) -> Decimal:
        digest = hashlib.sha256(symbol.encode()).digest()
        base = 10 ** (1 + 4 * digest[0] / 255)
        seconds = at.timestamp()
        waves = zip((digest[1], digest[2], digest[3]), (61, 907, 14400), strict=True)
        drift = sum(0.01 * math.sin(2 * math.pi * (seconds / period + phase / 255)) for phase, period in waves)
        return Decimal(str(round(base * (1 + drift), 2)))
