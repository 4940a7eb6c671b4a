"""A venue's own bars: of the account's venue, or of one by its name (`venue:okx`)."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime

from accounts.brokers import registry
from accounts.brokers.base import Broker
from accounts.brokers.candles import CandleBroker
from accounts.models import Account
from signals.market.bars import Bar, NoBars
from signals.market.venue import broker_of


class VenueBars:
    """`which` venue; empty = the account's own."""

    def __init__(self, which: str = "") -> None:
        self._which = which

    def key(self, account: Account | None) -> Hashable:
        if account is None:
            return self._which
        return self._which or account.broker, account.market, account.sandbox and not self._which, account.base_url

    def bars(self, symbol: str, *, timeframe: str, count: int, account: Account | None, now: datetime) -> list[Bar]:
        broker = self._broker(symbol, account)
        if not isinstance(broker, CandleBroker):
            raise NoBars(f"{self._which or (account and account.broker)} has no bars of its own; name another source")
        return [
            Bar(one.at, float(one.open), float(one.high), float(one.low), float(one.close), float(one.volume))
            for one in broker.candles(symbol, timeframe=timeframe, count=count, now=now)
        ]

    def _broker(self, symbol: str, account: Account | None) -> Broker:
        if account is not None:
            return broker_of(self._which or account.broker, account)
        if not self._which:
            raise NoBars("there is no account whose venue could be asked; name one, such as venue:okx")
        return registry.public_broker(self._which, market="swap" if ":" in symbol else "spot")
