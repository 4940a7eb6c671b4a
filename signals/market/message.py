"""The alert's own price: bid = ask = last."""

from __future__ import annotations

from datetime import datetime

from accounts.brokers.base import Quote
from accounts.models import Account
from signals.receive import Alert

from .base import NoPrice


class MessagePrices:
    def quote(self, *, symbol: str, alert: Alert, account: Account, received_at: datetime, now: datetime) -> Quote:
        if alert.price is None or alert.price <= 0:
            raise NoPrice("prices come from the message, and it has none")
        # A sender's clock that runs ahead does not make the price younger than its arrival.
        at = min(alert.sent_at or received_at, received_at)
        return Quote(symbol=symbol, bid=alert.price, ask=alert.price, last=alert.price, at=at, source="message")
