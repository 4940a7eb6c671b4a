"""The paper venue's books in the database: read under the account's lock, written back in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.db import connection
from django.db.models import Count

from accounts.brokers.base import Access
from accounts.models import Account
from signals.models import PaperBalance, PaperMove, PaperOrder, PaperPosition, PaperTrade
from tradeops.core import money, rows
from tradeops.core.money import ZERO

from .book import Book

ORDER = tuple(field.name for field in PaperOrder._meta.concrete_fields)
_POSITION = tuple(field.name for field in PaperPosition._meta.concrete_fields)
_MOVED = (
    "quantity", "average_price", "leverage", "margin_mode", "margin", "mark_price", "funded_at", "updated_at",
)  # fmt: skip
_CHANGED = (
    "quantity", "filled", "status", "price", "limit_price", "best_price", "triggered", "held", "fee", "fee_currency",
    "code", "message", "updated_at",
)  # fmt: skip


def lock(accesses: Iterable[Access]) -> None:
    """One order at a time per account, in the caller's transaction: two never spend the same money."""
    if connection.features.has_select_for_update:  # on SQLite the transaction itself excludes others
        keys = list({access.account_id: None for access in accesses})
        rows.select(Account, "id", where=f"id IN ({_marks(keys)})", params=keys, lock=True)


def read(access: Access, *, symbol: str = "") -> Book:
    """The account's money and contracts, and what rests of `symbol`, if it is given."""
    return read_all([(access, symbol)])[access.account_id]


def read_all(wanted: Iterable[tuple[Access, str]]) -> dict[int, Book]:
    """As `read` for each, by account; the initial money as long as nothing happened."""
    given = list(wanted)
    books = {access.account_id: _fresh(access) for access, _ in given}
    keys = list(books)
    if not keys:
        return books
    mine = f"account_id IN ({_marks(keys)})"
    for account, currency, amount, held in rows.select(
        PaperBalance, "account_id", "currency", "amount", "held", where=mine, params=keys
    ):
        books[account].amounts[currency], books[account].held[currency] = amount, held
    if any(access.market != Account.Market.SPOT for access, _ in given):
        for row in rows.fetch(PaperPosition, *_POSITION, where=mine, params=keys):
            books[row.account_id].positions[row.symbol] = row
    for order in _resting({(access.account_id, symbol): None for access, symbol in given if symbol}):
        books[order.account_id].orders.append(order)
    for book in books.values():
        book.numbers = _numbers(book.orders)
    return books


def _fresh(access: Access) -> Book:
    found = Book(account_id=access.account_id, fee_bps=access.fee_bps, slippage_bps=access.slippage_bps)
    found.amounts = {currency: money.exact(amount) for currency, amount in access.initial_balances.items()}
    return found


def _resting(wanted: Collection[tuple[int, str]]) -> list[PaperOrder]:
    """What rests of these accounts and symbols, oldest first: by the partial index `signals_paperorder_resting`."""
    if not wanted:
        return []
    places = " OR ".join(["(symbol = %s AND account_id = %s)"] * len(wanted))
    params = [value for account, symbol in wanted for value in (symbol, account)]
    where = f"status IN ('OPEN', 'PARTIALLY_FILLED') AND ({places})"
    return sorted(rows.fetch(PaperOrder, *ORDER, where=where, params=params), key=lambda row: row.pk)


def _marks(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))


def _numbers(orders: Iterable[PaperOrder]) -> dict[int, int]:
    begun = {row.pk: row for row in orders if row.filled > 0}
    if not begun:
        return {}
    counted = PaperTrade.objects.filter(order__in=list(begun)).values_list("order").annotate(Count("id"))
    return {id(begun[pk]): count for pk, count in counted}


def write(books: Sequence[Book]) -> None:
    """What was made and changed, in the caller's transaction."""
    rows.insert_all([order for book in books for order in book.new])
    # One that is new, or that two quotes have changed, is there once.
    changed = {order.pk: order for book in books for order in book.changed if order not in book.new}
    rows.update_each(list(changed.values()), *_CHANGED)
    trades = [trade for book in books for trade in book.trades]
    for trade in trades:
        trade.order = trade.order  # takes over the primary key that the order got meanwhile
    rows.insert_all(trades)
    rows.insert_all([move for book in books for move in book.moves])
    moved = [book.positions[symbol] for book in books for symbol in sorted(book.moved)]
    rows.update_each([row for row in moved if not row._state.adding], *_MOVED)
    rows.insert_all([row for row in moved if row._state.adding])
    rows.put_all(
        [
            rows.make(
                PaperBalance,
                account_id=book.account_id,
                currency=currency,
                amount=book.amount(currency),
                held=book.held.get(currency, ZERO),
            )
            for book in sorted(books, key=lambda book: book.account_id)
            for currency in sorted(book.touched)
        ],
        unique=("account", "currency"),
    )


def order(account_id: int, client_order_id: str) -> PaperOrder | None:
    name = (account_id, client_order_id)
    return orders([name]).get(name)


def orders(names: Sequence[tuple[int, str]]) -> dict[tuple[int, str], PaperOrder]:
    """Those that are there, by account and client order id."""
    if not names:
        return {}
    where = " OR ".join(["account_id = %s AND client_order_id = %s"] * len(names))
    found = rows.fetch(PaperOrder, *ORDER, where=where, params=[value for name in names for value in name])
    return {(row.account_id, row.client_order_id): row for row in found}


def trades(order: PaperOrder) -> list[PaperTrade]:
    """Its fills, in their order."""
    if not order.filled:
        return []
    found = rows.fetch(PaperTrade, *_TRADE, where="order_id = %s", params=[order.pk])
    return sorted(found, key=lambda row: row.number)


_TRADE = tuple(field.name for field in PaperTrade._meta.concrete_fields)


def transfers(account_id: int, *, since: datetime) -> list[PaperMove]:
    """Deposits and resets. Funding is a cost; what the insurance fund takes over was lost by nobody here, and as money
    put in it would make the day's loss larger than it was."""
    found = PaperMove.objects.filter(account=account_id, at__gte=since, cause__in=_TRANSFERS)
    return list(found.order_by("at", "id"))


_TRANSFERS = (PaperMove.Cause.DEPOSIT, PaperMove.Cause.RESET)


def funding(account_id: int) -> list[PaperMove]:
    return list(PaperMove.objects.filter(account=account_id, cause=PaperMove.Cause.FUNDING).order_by("at", "id"))
