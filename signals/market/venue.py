"""A venue's own prices: of the account's venue, or of one by its name (`venue:okx`) for paper on real prices (D2).

One question at a time for each symbol of a venue in a process, whatever the number of accounts, and none while the
last answer, or failure, is younger than a second.
"""

from __future__ import annotations

from datetime import datetime

from accounts.brokers import registry
from accounts.brokers.base import Broker, BrokerError, Quote
from accounts.models import Account
from signals.receive import Alert

from .base import NoPrice
from .cache import PATIENCE_SECONDS, recent


class VenuePrices:
    """`which` venue; empty = the account's own."""

    several = True
    remote = True

    def __init__(self, which: str = "") -> None:
        self._which = which

    def quote(self, *, symbol: str, alert: Alert, account: Account, received_at: datetime, now: datetime) -> Quote:
        venue = self._which or account.broker
        broker = broker_of(venue, account)
        if not broker.capabilities.prices:
            raise NoPrice(f"{venue} has no prices of its own; say `prices: {{venue: okx}}` or another source")
        # What is asked is the same for all accounts of a venue; demo and real are two.
        key = (venue, account.market, account.sandbox and not self._which, account.base_url, symbol)
        try:
            return recent.get(("quote", *key), lambda: broker.quote(symbol, now=now))
        except BrokerError as error:
            raise NoPrice(f"{venue} gives no price of {symbol}: {error}") from error
        except TimeoutError as error:
            raise NoPrice(f"{venue} gives no price of {symbol}: no answer in {PATIENCE_SECONDS:.0f} s") from error


def broker_of(venue: str, account: Account) -> Broker:
    """Who is asked for a venue's prices: the account's own broker, or a public one of that name."""
    if venue == account.broker:
        return registry.broker_for(account)
    return registry.public_broker(venue, market=account.market, base_url=account.base_url)
