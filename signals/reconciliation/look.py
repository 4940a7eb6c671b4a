"""What a venue says of an account at one moment: read outside of any transaction, nothing written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from accounts import credentials
from accounts.brokers.base import Broker, Capabilities, OrderReport, TradeReport, VenuePosition
from accounts.models import Account
from tradeops.core.money import ZERO


@dataclass(frozen=True, order=True)
class Key:
    """One holding of an account. `symbol`: the swap's, on spot the currency; `side`: long or short where it hedges."""

    symbol: str
    side: str = ""


Holdings = Mapping[Key, Decimal]  # signed base units, negative = short


@dataclass(frozen=True, kw_only=True)
class Look:
    """`before` and `after` frame the list of trades: where both agree, every trade that made them is in the list."""

    began_at: datetime
    since: datetime
    able: Capabilities
    hedged: bool
    orders: tuple[OrderReport, ...]
    trades: tuple[TradeReport, ...]
    before: Holdings
    after: Holdings

    def steady(self, key: Key) -> bool:
        return self.before.get(key, ZERO) == self.after.get(key, ZERO)


def take(account: Account, broker: Broker, *, since: datetime, now: datetime) -> Look:
    """Raises BrokerTemporary, BrokerRejected or BrokerUnknown: an account is compared whole or not at all."""
    able = broker.capabilities
    first = _Held.read(account, broker)
    orders = broker.open_orders()
    trades = broker.trades(since=since) if able.trades else ()
    last = _Held.read(account, broker)
    seen = first.both_sides or last.both_sides or any(each.position_side for each in trades)
    hedged = credentials.hedges(account) or seen
    return Look(
        began_at=now,
        since=since,
        able=able,
        hedged=hedged,
        orders=orders,
        trades=trades,
        before=first.holdings(hedged=hedged),
        after=last.holdings(hedged=hedged),
    )


@dataclass(frozen=True)
class _Held:
    spot: bool
    balances: Mapping[str, Decimal]
    positions: tuple[VenuePosition, ...]

    @classmethod
    def read(cls, account: Account, broker: Broker) -> _Held:
        spot = account.market == Account.Market.SPOT
        balances = {name: held.total for name, held in broker.balances().items()} if spot else {}
        return cls(spot, balances, broker.positions() if broker.capabilities.positions else ())

    @property
    def both_sides(self) -> bool:
        sides = [(each.symbol, each.side) for each in self.positions if each.quantity]
        return len({symbol for symbol, _ in sides}) < len(set(sides))

    def holdings(self, *, hedged: bool) -> dict[Key, Decimal]:
        found = {Key(currency): total for currency, total in self.balances.items()}
        for each in self.positions:
            key = key_of(each.symbol, each.side, spot=self.spot, hedged=hedged)
            if self.spot and key.symbol in self.balances:
                continue  # shares and coins are told once, whichever list has them
            signed = -each.quantity if each.side == "short" else each.quantity
            found[key] = found.get(key, ZERO) + signed
        return found


def key_of(symbol: str, side: str, *, spot: bool, hedged: bool) -> Key:
    """Where a position of this symbol and side is held."""
    if spot:
        return Key(base_of(symbol))
    return Key(symbol, side if hedged else "")


def base_of(symbol: str) -> str:
    """`BTC/USDT` → BTC, `AAPL` → AAPL."""
    return symbol.partition("/")[0]


def quote_of(symbol: str) -> str:
    """`BTC/USDT` → USDT; empty where the symbol does not say."""
    return symbol.partition("/")[2].partition(":")[0]
