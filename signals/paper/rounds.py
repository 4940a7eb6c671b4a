"""Quotes for what rests and what is open at the paper venue, once a second: a market that moves without orders.

Accounts whose prices come from messages have no other quotes than those: what rests there moves with the next order.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.brokers import registry
from accounts.brokers.base import Quote
from accounts.models import Account
from signals.market.base import NoPrice, price_source, source_name
from signals.models import Order, PaperOrder, PaperPosition, Position, StoredQuote
from signals.receive import Alert
from tradeops.core import configuration, logs, rows
from tradeops.core.errors import ConfigurationError

from . import store
from .broker import PaperBroker
from .instruments import instrument
from .taking import advance

logger = logs.get(__name__)
EVERY_SECONDS = 1.0
_RESTS = "status IN ('OPEN', 'PARTIALLY_FILLED')"
_begun: dict[int, float] = {}  # account → when its last round began; one tender at a time does the rounds


@dataclass(frozen=True)
class _Watched:
    symbol: str
    source: str


def due(*, now: datetime) -> list[int]:
    """The paper accounts, by primary key, that want quotes now. One indexed look, two where there are contracts."""
    there = {pk for (pk,) in rows.select(PaperOrder, "account_id", where=_RESTS)}
    if _contracts():
        there |= {pk for pk, quantity in rows.select(PaperPosition, "account_id", "quantity", where="TRUE") if quantity}
    moment = time.monotonic()
    return sorted(pk for pk in there if moment - _begun.get(pk, 0.0) >= EVERY_SECONDS)


def _load() -> list[int]:
    found = Account.objects.filter(broker="paper", retired_at=None).exclude(market=Account.Market.SPOT)
    return list(found.values_list("pk", flat=True))


_contracts = configuration.Cached(_load)


def run(account_id: int, *, now: datetime) -> int:
    """One quote for each symbol of one account; returns how many there were. May use the network."""
    _begun[account_id] = time.monotonic()
    account = Account.objects.select_related("credential").get(pk=account_id)
    if account.retired_at is not None:
        return 0
    found = 0
    for watched in _watched(account):
        quote = _quote(account, watched, now=now)
        if quote is not None:
            _remember(watched, quote)
            take(account, quote, now=now)
            found += 1
    return found


def take(account: Account, quote: Quote, *, now: datetime) -> None:
    """Everything that a quote does to the books of one account, in one transaction."""
    broker = registry.broker_for(account)
    assert isinstance(broker, PaperBroker)
    found = instrument(quote.symbol, broker.access)
    with transaction.atomic():
        store.lock([broker.access])
        book = store.read(broker.access, symbol=quote.symbol)
        advance(book, quote, found, now)
        store.write([book])


def _watched(account: Account) -> Iterable[_Watched]:
    """What rests and what is open, each by the price source of the strategy that it belongs to."""
    resting = rows.fetch(
        PaperOrder, "symbol", "client_order_id", where=f"{_RESTS} AND account_id = %s", params=[account.pk]
    )
    asked = Order.objects.filter(client_order_id__in=[row.client_order_id for row in resting])
    prices = dict(asked.values_list("symbol", "strategy__prices"))
    held = Position.objects.filter(account=account, is_open=True).values_list("symbol", "strategy__prices")
    prices |= dict(held)
    contracts = PaperPosition.objects.filter(account=account)
    symbols = {row.symbol for row in resting} | {row.symbol for row in contracts if row.quantity}
    return [
        _Watched(symbol, source_name(strategy_prices=prices.get(symbol, ""), account=account))
        for symbol in sorted(symbols)
    ]


def _quote(account: Account, watched: _Watched, *, now: datetime) -> Quote | None:
    try:
        source = price_source(watched.source)
        return source.quote(
            symbol=watched.symbol, alert=Alert(symbol=watched.symbol), account=account, received_at=now, now=now
        )
    except (NoPrice, ConfigurationError) as error:
        logger.info("no quote for the paper venue", symbol=watched.symbol, source=watched.source, error=str(error))
        return None


def _remember(watched: _Watched, quote: Quote) -> None:
    """Once: sources that keep a quote for a while give it again."""
    row = rows.make(
        StoredQuote,
        source=watched.source,
        symbol=quote.symbol,
        at=quote.at,
        bid=quote.bid,
        ask=quote.ask,
        last=quote.last,
        bid_size=quote.bid_size,
        ask_size=quote.ask_size,
    )
    rows.insert_new([row])
