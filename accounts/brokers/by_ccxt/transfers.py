"""What was put into an account and taken out, as far as ccxt's exchange lists it (`fetchLedger`, `fetchDeposits` …).

An account whose exchange keeps one ledger of it is read from there (`Dialect.ledgers`): that has transfers between the
owner's own wallets in it. A spot account elsewhere is read from deposits and withdrawals, and from the transfers to
the exchange's other wallets where the dialect names them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.brokers.base import BrokerRejected, BrokerTemporary, Rejection, Transfer
from tradeops.core import clock

from . import declared, reports
from .venue import Venue

Row = dict[str, Any]
_KEY = "history:transfers"
_DAY = 24 * 3600 * 1000
_LONGEST = 7 * _DAY  # Bybit's; Binance takes more
_SHORTEST = 1000  # ms: a fuller second than this cannot be split
_MADE = frozenset({"ok", "pending"})
_UNDONE = frozenset({"failed", "canceled"})


def read(venue: Venue, *, since: datetime) -> tuple[Transfer, ...]:
    """Raises BrokerRejected(`unsupported`) where the exchange's market has no such lists."""
    name, market = venue.name, venue.access.market
    if not declared.transfers(name, market, venue.dialect):
        text = f"{name} does not list what was put into or taken out of a {market} account through ccxt"
        raise BrokerRejected(text, code=Rejection.UNSUPPORTED)
    venue.load()
    start, end = int(since.timestamp() * 1000), int(clock.now().timestamp() * 1000) + 1
    ledger = venue.dialect.ledgers.get(market, "")
    rows = _LEDGERS[ledger](venue, start, end) if ledger else _wallet(venue, start, end)
    try:
        found = {one.id: one for one in rows if one.at >= since}
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise BrokerTemporary(f"{name} answered something unexpected ({type(error).__name__})") from error
    return tuple(sorted(found.values(), key=lambda one: (one.at, one.id)))


# One ledger of the account -----------------------------------------------------------------------------------------


def _okx(venue: Venue, start: int, end: int) -> Iterator[Transfer]:
    """Bills of type 1. Not by ccxt's `fetch_ledger`: it takes `type` for the market's."""
    after = ""
    while True:
        asked = {"type": "1", "begin": str(start), "end": str(end), "limit": "100", "after": after}
        page = venue.read(lambda: venue.exchange.privateGetAccountBills(dict(asked)), _KEY)["data"]  # noqa: B023
        for row in page:
            yield _transfer(row["billId"], row["ccy"], Decimal(row["balChg"]), row["ts"])
        if len(page) < 100:
            return
        after = str(page[-1]["billId"])


def _binance(venue: Venue, start: int, end: int) -> Iterator[Transfer]:
    """«Get Income History», `TRANSFER`: in and out of the futures wallet."""

    def ask(since: int, until: int) -> list[Row]:
        return list(venue.exchange.fetch_ledger(None, since, 1000, {"incomeType": "TRANSFER", "until": until}))

    for row in _pages(venue, ask, start, end, limit=1000):
        yield _of_ledger(row)


def _bybit(venue: Venue, start: int, end: int) -> Iterator[Transfer]:
    """«Get Transaction Log» of the unified account; deposits into it are `TRANSFER_IN` too."""
    for kind in ("TRANSFER_IN", "TRANSFER_OUT"):

        def ask(since: int, until: int, kind: str = kind) -> list[Row]:
            asked = {"accountType": "UNIFIED", "type": kind, "endTime": until}
            return list(venue.exchange.fetch_ledger(None, since, 50, asked))

        for row in _pages(venue, ask, start, end, limit=50):
            yield _of_ledger(row)


_LEDGERS: dict[str, Callable[[Venue, int, int], Iterator[Transfer]]] = {
    "okx": _okx, "binance": _binance, "bybit": _bybit,
}  # fmt: skip


def _of_ledger(row: Row) -> Transfer:
    sign = 1 if row["direction"] == "in" else -1
    return _transfer(row["id"], row["currency"], sign * Decimal(str(row["amount"])), row["timestamp"])


# Deposits and withdrawals of a spot wallet -------------------------------------------------------------------------


def _wallet(venue: Venue, start: int, end: int) -> Iterator[Transfer]:
    exchange = venue.exchange
    if exchange.has.get("fetchDepositsWithdrawals") is True:
        rows = _all(venue, exchange.fetch_deposits_withdrawals, start)
    else:
        rows = [*_all(venue, exchange.fetch_deposits, start), *_all(venue, exchange.fetch_withdrawals, start)]
    for row in rows:
        yield from _movements(row)
    for kind, sign in venue.dialect.wallets.items():

        def ask(since: int, until: int, kind: str = kind) -> list[Row]:
            return list(exchange.fetch_transfers(None, since, 100, {"type": kind, "until": until}))

        for row in _pages(venue, ask, start, end, limit=100):
            if row.get("status") == "ok":
                moved = sign * Decimal(str(row["amount"]))
                yield _transfer(f"{kind}-{row['id']}", row["currency"], moved, row["timestamp"])


def _all(venue: Venue, ask: Callable[..., Any], start: int) -> list[Row]:
    return list(venue.read(lambda: ask(None, start, None, {}), _KEY))


def _movements(row: Row) -> Iterator[Transfer]:
    """A deposit counts when it is credited; a withdrawal is gone when it is asked for, and may come back."""
    status, kind = row.get("status"), str(row.get("type"))
    name = f"{kind}-{row.get('id') or row['txid']}"
    amount = Decimal(str(row["amount"]))
    if kind == "deposit":
        if status == "ok":
            yield _transfer(name, row["currency"], amount, row["timestamp"])
        return
    if status in _MADE | _UNDONE:
        yield _transfer(name, row["currency"], -amount, row["timestamp"])
    if status in _UNDONE:
        yield _transfer(f"{name}-undone", row["currency"], amount, row["timestamp"])


def _pages(venue: Venue, ask: Callable[[int, int], list[Row]], start: int, end: int, *, limit: int) -> Iterable[Row]:
    """Window by window; one whose answer is full is split."""
    while start < end:
        until = min(start + _LONGEST, end)
        yield from _window(venue, ask, start, until, limit=limit)
        start = until


def _window(venue: Venue, ask: Callable[[int, int], list[Row]], start: int, end: int, *, limit: int) -> Iterable[Row]:
    page = venue.read(lambda: ask(start, end), _KEY)
    if len(page) < limit or end - start <= _SHORTEST:
        return page
    middle = (start + end) // 2
    return [*_window(venue, ask, start, middle, limit=limit), *_window(venue, ask, middle, end, limit=limit)]


def _transfer(name: object, currency: object, amount: Decimal, ms: object) -> Transfer:
    return Transfer(id=str(name), currency=str(currency), amount=amount, at=reports.moment(ms, clock.now()))
