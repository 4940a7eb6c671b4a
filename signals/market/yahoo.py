"""Yahoo's last price: it gives no book here, so bid = ask = last, with the time of the last trade."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from accounts.brokers.base import Quote
from accounts.models import Account
from signals.receive import Alert

from .base import NoPrice
from .cache import recent
from .history import yahoo


class YahooPrices:
    remote = True

    def quote(self, *, symbol: str, alert: Alert, account: Account, received_at: datetime, now: datetime) -> Quote:
        try:
            return recent.get(("quote", "yahoo", symbol), lambda: _ask(symbol))
        except TimeoutError as error:
            raise NoPrice(f"Yahoo gives no price of {symbol}: it does not answer") from error


def _ask(symbol: str) -> Quote:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library's own, about the libraries that it uses
            ticker = yahoo.ticker(symbol)
            ticker.history(period="1d", interval="1m", auto_adjust=False, actions=False, timeout=yahoo.TIMEOUT_SECONDS)
            told = ticker.history_metadata
        last, at = Decimal(str(told["regularMarketPrice"])), _moment(told["regularMarketTime"])
    except Exception as error:
        raise NoPrice(f"Yahoo gives no price of {symbol}: {yahoo.words(error)}") from error
    if not last.is_finite() or last <= 0:
        raise NoPrice(f"Yahoo gives no price of {symbol}: {last}")
    return Quote(symbol=symbol, bid=last, ask=last, last=last, at=at, source="yahoo")


def _moment(told: Any) -> datetime:
    """The library turns what Yahoo says, seconds since 1970, into a time of the exchange's zone."""
    if isinstance(told, datetime):
        return told.astimezone(UTC)
    return datetime.fromtimestamp(int(told), UTC)
