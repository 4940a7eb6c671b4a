"""What our own rows say of an account: Σ strategies' positions, the external part, and what is on its way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from accounts.brokers.base import OrderReport
from accounts.models import Account
from signals.execution import apply
from signals.execution.lifecycle import UNSETTLED
from signals.models import ExternalPosition, Order, Position
from tradeops.core import clock
from tradeops.core.money import ZERO

from .look import Holdings, Key, base_of, key_of, quote_of


@dataclass(frozen=True)
class Books:
    """`external` has a row for each holding whose beginning is known; `moving` is what may change any moment."""

    strategies: Holdings
    external: Holdings
    moving: frozenset[Key]
    cash: frozenset[str]  # spot: currencies that other symbols are paid in; no position explains what they are

    def ours(self, key: Key) -> Decimal:
        return self.strategies.get(key, ZERO) + self.external.get(key, ZERO)


def read(account: Account, *, hedged: bool) -> Books:
    """One moment's rows, in the caller's transaction if there is one."""
    spot = account.market == Account.Market.SPOT
    strategies: dict[Key, Decimal] = {}
    symbols = set()
    # Flat rows too: a currency that a strategy has ever held is watched.
    for row in Position.objects.filter(account=account).only("symbol", "side", "quantity"):
        symbols.add(row.symbol)
        key = key_of(row.symbol, row.side, spot=spot, hedged=hedged)
        signed = -row.quantity if row.side == Position.Side.SHORT else row.quantity
        strategies[key] = strategies.get(key, ZERO) + signed
    moving = frozenset(
        key_of(symbol, side, spot=spot, hedged=hedged)
        for symbol, side, status, sent_at in Order.objects.filter(UNSETTLED, account=account).values_list(
            "symbol", "position_side", "status", "sent_at"
        )
        if status != Order.Status.PENDING or sent_at is not None
    )
    cash = frozenset(quote_of(symbol) for symbol in symbols) if spot else frozenset()
    return Books(strategies, _external(account, spot=spot, hedged=hedged), moving, cash)


def _external(account: Account, *, spot: bool, hedged: bool) -> dict[Key, Decimal]:
    """By holding, whichever way the account was set up when the row was written."""
    found: dict[Key, Decimal] = {}
    for row in ExternalPosition.objects.filter(account=account):
        if spot:
            key = Key(row.symbol)
        else:
            side = row.side or (Position.Side.SHORT if row.quantity < 0 else Position.Side.LONG)
            key = key_of(row.symbol, side, spot=False, hedged=hedged)
        found[key] = found.get(key, ZERO) + row.quantity
    return found


def report(order: Order, found: OrderReport) -> Order:
    """What the venue says of one of our orders, through its only writer."""
    base = base_of(order.symbol) if order.account.market == Account.Market.SPOT else ""
    return apply.report(order, found, now=clock.now(), base=base, via="reconciliation")


def set_external(account: Account, key: Key, quantity: Decimal, *, now: datetime) -> None:
    """What is external of one holding, absolutely: at first sight, or because a person says so."""
    for row in ExternalPosition.objects.filter(account=account, symbol=key.symbol).exclude(side=key.side):
        # A row from when the account was set up the other way, long and short apart or as one.
        if not key.side or (not row.side and (row.quantity < 0) == (key.side == Position.Side.SHORT)):
            row.quantity, row.updated_at = ZERO, now
            row.save(update_fields=["quantity", "updated_at"])
    ExternalPosition.objects.update_or_create(
        account=account, symbol=key.symbol, side=key.side, defaults={"quantity": quantity, "updated_at": now}
    )
