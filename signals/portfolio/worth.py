"""The value of an account: what its venue says, or its balances and positions at the prices of now.

A broker that answers without a network is asked for its books; another one's were read by `accounts.sync`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from accounts import transfers
from accounts.brokers import registry
from accounts.brokers.base import Broker, BrokerError, VenuePosition
from accounts.models import Account, AccountSync
from signals.market.base import NoPrice, is_remote, price_source, source_name
from signals.models import Position
from signals.receive import Alert
from tradeops.core import rows
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import ZERO


@dataclass(frozen=True, kw_only=True)
class Valued:
    """`equity` None: `problem` says why it cannot be told. `prices`: of what its books are to be valued at."""

    at: datetime
    equity: Decimal | None = None
    transferred: Decimal = ZERO
    problem: str = ""
    broker: Broker | None = None
    prices: Mapping[str, Decimal] = field(default_factory=dict)


def value(
    account: Account, *, now: datetime, since: datetime | None, marks: Mapping[str, Decimal], network: bool = True
) -> Valued:
    """Everything that may take time: outside of transactions. `settle` then reads the books themselves.

    Without `network`, what only a price source elsewhere could tell goes by its last mark.
    """
    try:
        if not registry.capabilities(account.broker).local:
            return _told(account, now=now)
        broker = registry.broker_for(account)
        wanted: dict[str, Decimal | None] = {
            name: None for name, held in broker.balances().items() if held.total and name != account.currency
        }
        wanted |= dict.fromkeys(_transfers(broker, since)) if since is not None else {}
        wanted |= {one.symbol: one.mark_price for one in broker.positions()}
    except (BrokerError, ConfigurationError) as error:
        return Valued(at=now, problem=str(error))
    prices = _prices(account, wanted, marks=marks, network=network, now=now)
    return Valued(at=now, broker=broker, prices=prices)


def _told(account: Account, *, now: datetime) -> Valued:
    """What the last look at the venue gave, with its time."""
    row = AccountSync.objects.filter(account=account).first()
    if row is None or row.synced_at is None:
        return Valued(at=now, problem="the account was not read from its venue yet")
    if row.equity is None:
        return Valued(at=now, problem="the venue does not tell what all of it is worth")
    return Valued(at=row.synced_at, equity=row.equity)


def settle(account: Account, valued: Valued, *, since: datetime | None) -> Valued:
    """The books valued, and what was transferred since `since`. In a transaction, with the books locked."""
    if valued.broker is None:
        if valued.equity is None or since is None:
            return valued
        return replace(valued, transferred=transfers.between(account, after=since, until=valued.at))
    rows.select(Account, "id", where="id = %s", params=[account.pk], lock=True)  # as the paper ledger does
    try:
        moved = _transfers(valued.broker, since) if since is not None else {}
        balances, positions = valued.broker.balances(), valued.broker.positions()
        amounts = {name: held.total for name, held in balances.items()}
        equity = _sum(account, amounts, valued.prices)
        equity += sum((_unrealised(one, valued.prices) for one in positions), ZERO)
        transferred = _sum(account, moved, valued.prices)
    except LookupError as error:
        return Valued(at=valued.at, problem=f"there is no price of {error.args[0]}")
    except BrokerError as error:
        return Valued(at=valued.at, problem=str(error))
    return Valued(at=valued.at, equity=equity, transferred=transferred)


def _transfers(broker: Broker, since: datetime) -> dict[str, Decimal]:
    """Put in and taken out after `since`, by currency."""
    moved: dict[str, Decimal] = {}
    for one in broker.transfers(since=since):
        if one.at > since:
            moved[one.currency] = moved.get(one.currency, ZERO) + one.amount
    return moved


def _sum(account: Account, amounts: Mapping[str, Decimal], prices: Mapping[str, Decimal]) -> Decimal:
    """In the account's currency. Raises LookupError naming what has no price."""
    total = ZERO
    for name, amount in amounts.items():
        if amount:
            total += amount if name == account.currency else amount * prices[name]
    return total


def _unrealised(position: VenuePosition, prices: Mapping[str, Decimal]) -> Decimal:
    """At the price of now; the venue's own figure is of its last mark."""
    mark = prices.get(position.symbol, position.mark_price)
    if mark is not None and position.average_price is not None:
        return (mark - position.average_price) * position.quantity * (-1 if position.side == "short" else 1)
    if position.unrealised_pnl is None:
        raise LookupError(position.symbol)
    return position.unrealised_pnl


def _symbols(account: Account) -> dict[str, Decimal | None]:
    """The last marks of what strategies hold there, by symbol."""
    found = Position.objects.filter(account=account, is_open=True).order_by("marked_at", "pk")
    return dict(found.values_list("symbol", "mark_price"))


def _prices(
    account: Account,
    wanted: Mapping[str, Decimal | None],
    *,
    marks: Mapping[str, Decimal],
    network: bool,
    now: datetime,
) -> dict[str, Decimal]:
    """By currency or symbol, the best there is: the caller's, the account's source, then the last mark."""
    held = _symbols(account)
    asks = network or not is_remote(source_name(strategy_prices="", account=account))
    found: dict[str, Decimal] = {}
    for name, own in wanted.items():
        symbol = _symbol(account, name, known={*held, *marks})
        price = marks.get(symbol)
        if price is None and asks:
            price = _asked(account, symbol, now=now)
        if price is None:
            price = own if own is not None else held.get(symbol)
        if price is not None:
            found[name] = price
    return found


def _symbol(account: Account, name: str, *, known: set[str]) -> str:
    """What a holding is priced by: a share is a symbol of its own, a coin is priced in the account's currency."""
    return name if "/" in name or name in known else f"{name}/{account.currency}"


def _asked(account: Account, symbol: str, *, now: datetime) -> Decimal | None:
    try:
        source = price_source(source_name(strategy_prices="", account=account))
        return source.quote(symbol=symbol, alert=Alert(symbol=symbol), account=account, received_at=now, now=now).last
    except (NoPrice, ConfigurationError):
        return None  # such as an account whose prices come with the messages
