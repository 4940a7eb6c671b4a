"""Orders of one moment, of any number of accounts, taken by the paper venue with as many statements as one.

Those of one account are taken in the order given: each finds the books as the one before it has left them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.brokers.base import Access, BrokerTemporary, Instrument, OrderReport, OrderRequest, Quote
from accounts.models import Account
from signals.models import PaperOrder
from tradeops.core import clock, rows
from tradeops.core.money import OrderType

from . import margin, matching, reports, store
from .book import Book


@dataclass(frozen=True)
class Asked:
    """What is asked of one account's books."""

    access: Access
    request: OrderRequest
    instrument: Instrument

    @property
    def name(self) -> tuple[int, str]:
        return self.access.account_id, self.request.client_order_id


def take(asked: Sequence[Asked], *, now: datetime) -> list[OrderReport | BrokerTemporary]:
    """What became of each, all in one transaction. One that is there already is told as it is."""
    if not asked:
        return []
    with transaction.atomic(savepoint=False):
        store.lock([one.access for one in asked])
        known = store.orders([one.name for one in asked])
        at = max(now, clock.now())  # the venue judges expiry by its own clock
        new = [one for one in asked if one.name not in known and _is_in_time(one.request, at)]
        taken = _match(new, at)
    return [taken[one.name] if one.name in taken else _otherwise(one, known) for one in asked]


def _is_in_time(request: OrderRequest, at: datetime) -> bool:
    return request.send_expires_at is None or at <= request.send_expires_at


def _match(new: Sequence[Asked], at: datetime) -> dict[tuple[int, str], OrderReport]:
    books = store.read_all([(one.access, one.request.symbol) for one in new])
    orders = [matched(books[one.access.account_id], one, at) for one in new]
    store.write(list(books.values()))
    trades = [trade for book in books.values() for trade in book.trades]
    return {
        one.name: reports.order(order, [trade for trade in trades if trade.order is order])
        for one, order in zip(new, orders, strict=True)
    }


def _otherwise(asked: Asked, known: Mapping[tuple[int, str], PaperOrder]) -> OrderReport | BrokerTemporary:
    order = known.get(asked.name)
    if order is None:
        return BrokerTemporary("the order was not sent: its time to be sent had passed", code="expired")
    return reports.order(order, store.trades(order))


def matched(book: Book, asked: Asked, at: datetime) -> PaperOrder:
    """The order as the book, which it changes, answers it; nothing is written."""
    request = asked.request
    if request.quote is not None:
        advance(book, request.quote, asked.instrument, at)
    order = _order(asked, at)
    matching.place(book, order, quote=request.quote, instrument=asked.instrument, at=at)
    return order


def _order(asked: Asked, at: datetime) -> PaperOrder:
    request, access = asked.request, asked.access
    conditional = request.type in (OrderType.STOP, OrderType.STOP_LIMIT)
    contracts = access.market != Account.Market.SPOT
    return rows.make(
        PaperOrder,
        account_id=access.account_id,
        client_order_id=request.client_order_id,
        symbol=request.symbol,
        side=request.side.value,
        type=request.type.value,
        quantity=request.quantity,
        limit_price=request.price if request.type not in (OrderType.MARKET, OrderType.STOP) else None,
        stop_price=request.stop_price if conditional else None,
        trailing=request.trailing if request.type is OrderType.TRAILING_STOP else None,
        closes=request.closes,
        position_side=request.position_side,
        time_in_force=request.time_in_force.value,
        post_only=request.post_only,
        leverage=request.leverage or access.leverage,
        margin_mode=(request.margin_mode or access.margin_mode) if contracts else "",
        at=at,
    )


def advance(book: Book, quote: Quote, found: Instrument, at: datetime) -> None:
    """A quote of the symbol, before anything else at it: what rests is matched, contracts are marked and funded."""
    matching.come(book, quote=quote, instrument=found, at=at)
    if found.settle:
        margin.mark(book, quote=quote, instrument=found, at=at)
