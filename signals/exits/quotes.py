"""The present price of what is held: one question for a symbol of a source, however many hold it (P1)."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime

from accounts.brokers.base import Quote
from accounts.models import Account
from signals.market.base import NoPrice, price_source, source_name
from signals.models import Position
from signals.receive import Alert
from tradeops.core.errors import ConfigurationError

MESSAGE = "message"


class Quotes:
    """Those of one round. What a source had no answer for is not asked again in it."""

    def __init__(self, *, now: datetime) -> None:
        self._now = now
        self._known: dict[Hashable, Quote | None] = {}

    def of(self, position: Position) -> Quote | None:
        """May use the network. None where there is no price."""
        account = position.account
        name = source_name(strategy_prices=position.strategy.prices, account=account)
        # What is asked is the same for all accounts of a venue and market; demo and real are two.
        key = (name, account.broker, account.market, account.sandbox, account.base_url, position.symbol)
        if name == MESSAGE:
            return _last_message(position)
        if key not in self._known:
            self._known[key] = self._ask(name, account, position.symbol)
        return self._known[key]

    def _ask(self, name: str, account: Account, symbol: str) -> Quote | None:
        try:
            return price_source(name).quote(
                symbol=symbol, alert=Alert(symbol=symbol), account=account, received_at=self._now, now=self._now
            )
        except (NoPrice, ConfigurationError):
            return None


def by_messages(position: Position) -> bool:
    """Whether its prices come with messages only: there is none between two of them."""
    return source_name(strategy_prices=position.strategy.prices, account=position.account) == MESSAGE


def _last_message(position: Position) -> Quote | None:
    """The price of the last message that was decided on, or of the last fill: whoever decides marks what is held."""
    price, at = position.mark_price, position.marked_at
    if price is None or at is None:
        return None
    return Quote(symbol=position.symbol, bid=price, ask=price, last=price, at=at, source=MESSAGE)
