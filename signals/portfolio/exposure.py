"""What is held and what is on its way, as the rules count it. Read once while the scope locks are held."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from signals.models import Order, Position
from signals.models.risk import Scope
from tradeops.core import rows


@dataclass(frozen=True)
class Key:
    """One position: ids of strategy and account, the venue's symbol."""

    strategy: int
    account: int
    symbol: str


@dataclass
class Exposure:
    """Everything open and everything pending, of all accounts; grows as one transaction approves more."""

    positions: list[Position]
    pending: list[tuple[Key, Decimal]] = field(default_factory=list)
    in_doubt: set[tuple[int, str]] = field(default_factory=set)  # (account, symbol) with an order nobody knows of

    def held(self, key: Key) -> dict[str, Position]:
        """The open sides of one position, by side; both can be open only where the venue hedges."""
        return {row.side: row for row in self.positions if key == Key(row.strategy_id, row.account_id, row.symbol)}

    def approve(self, orders: Iterable[Order]) -> None:
        """Counts entries that this transaction is about to store."""
        for order in orders:
            if order.intent == Order.Intent.OPEN and order.mode != Order.Mode.DRY_RUN:
                key = Key(order.strategy_id, order.account_id, order.symbol)
                self.pending.append((key, order.quantity))


def read() -> Exposure:
    """The present exposure: as many rows as there are open positions and unfinished orders, however long the past."""
    found = Exposure(list(Position.objects.filter(is_open=True)))
    # An entry in one of these states may still become (more of) a position; the partial index `signals_order_live`.
    orders = rows.select(
        Order,
        *("strategy_id", "account_id", "symbol", "status", "intent", "mode", "quantity", "filled_quantity"),
        where="status IN ('PENDING', 'SUBMITTED', 'OPEN', 'PARTIALLY_FILLED', 'UNKNOWN')",
    )
    for strategy, account, symbol, status, intent, mode, quantity, filled in orders:
        if status == Order.Status.UNKNOWN:
            found.in_doubt.add((account, symbol))
        if intent == Order.Intent.OPEN and mode != Order.Mode.DRY_RUN:
            found.pending.append((Key(strategy, account, symbol), quantity - filled))
    return found


class Book:
    """The exposure as seen from one proposed order; positions are counted once per `Key`."""

    def __init__(self, own: Key, exposure: Exposure) -> None:
        self.own = own
        self._pending = exposure.pending
        self._all = {Key(row.strategy_id, row.account_id, row.symbol) for row in exposure.positions}
        self._all |= {key for key, _ in exposure.pending}

    def open_positions(self, scope: Scope) -> set[Key]:
        """Those of the whole scope: everywhere, of the strategy, or of the account."""
        if scope == Scope.STRATEGY:
            return {key for key in self._all if key.strategy == self.own.strategy}
        if scope == Scope.ACCOUNT:
            return {key for key in self._all if key.account == self.own.account}
        return self._all

    def positions_in_symbol(self, scope: Scope) -> set[Key]:
        """Those of the order's own account and symbol; of its strategy only for a strategy's limit."""
        mine = {key for key in self._all if (key.account, key.symbol) == (self.own.account, self.own.symbol)}
        return {key for key in mine if scope != Scope.STRATEGY or key.strategy == self.own.strategy}

    def own_pending_quantity(self) -> Decimal:
        """Base units of entries on their way for this very position."""
        return sum((quantity for key, quantity in self._pending if key == self.own), Decimal(0))
