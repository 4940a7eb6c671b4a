"""What is held and what is on its way, as the rules count it. Read once while the scope locks are held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

from accounts.models import Account
from signals.models import Order, Position
from signals.models.risk import Scope
from tradeops.core import configuration, rows
from tradeops.core.money import ZERO, OrderType


class Key(NamedTuple):
    """One position: ids of strategy and account, the venue's symbol."""

    strategy: int
    account: int
    symbol: str


@dataclass(frozen=True)
class Line:
    """Something held, or on its way to be: base units, never negative, and a price in the quote currency."""

    key: Key
    side: str  # long, short
    quantity: Decimal
    price: Decimal | None = None

    @cached_property
    def value(self) -> Decimal:
        """In the symbol's quote currency, negative for a short. Raises ValueError where it was never priced."""
        if self.price is None:
            raise ValueError(f"what {self.key.symbol} is worth is not known: it was never priced")
        return self.quantity * self.price * (-1 if self.side == Position.Side.SHORT else 1)


@dataclass
class Exposure:
    """Everything open and everything pending, of all accounts; grows as one transaction approves more."""

    positions: list[Position]
    pending: list[Line] = field(default_factory=list)
    in_doubt: set[tuple[int, str]] = field(default_factory=set)  # (account, symbol) with an order nobody knows of
    # Positions of whose own orders nobody knows; of the entries among them the side and what may still come about.
    doubted: dict[Key, list[tuple[Literal["long", "short"], Decimal]]] = field(default_factory=dict)
    # What exits in doubt may have closed already, by side; stops rest, and are not thought to have fired.
    leaving: dict[Key, dict[str, Decimal]] = field(default_factory=dict)
    orders: dict[tuple[int, int], int] = field(default_factory=dict)  # (strategy, account) → made by this transaction

    def held(self, key: Key) -> Mapping[str, Position]:
        """The open sides of one position, by side; both can be open only where the venue hedges."""
        return self._by_key.get(key, {})

    @cached_property
    def _by_key(self) -> dict[Key, dict[str, Position]]:
        found: dict[Key, dict[str, Position]] = {}
        for row in self.positions:
            found.setdefault(Key(row.strategy_id, row.account_id, row.symbol), {})[row.side] = row
        return found

    def keys(self) -> set[Key]:
        """Whatever is held or on its way."""
        return {*self._by_key, *(line.key for line in self.pending)}

    def mark(self, position: Position, *, price: Decimal, at: datetime) -> None:
        """One of `positions` is worth that price from now on. Not stored by it."""
        position.mark_price, position.marked_at = price, at
        self.__dict__.pop("_lines", None)

    def approve(self, orders: Iterable[Order]) -> None:
        """Counts what this transaction is about to store."""
        for order in orders:
            pair = (order.strategy_id, order.account_id)
            self.orders[pair] = self.orders.get(pair, 0) + 1
            if order.intent == Order.Intent.OPEN and order.mode != Order.Mode.DRY_RUN:
                key = Key(order.strategy_id, order.account_id, order.symbol)
                price = _price(order.side, order.price, order.stop_price, order.quote)
                self.pending.append(Line(key, order.position_side, order.quantity, price))

    def lines(self) -> Iterator[Line]:
        yield from self._lines
        yield from self.pending

    @cached_property
    def _lines(self) -> list[Line]:
        """Of what is held: made once for all accounts of a signal."""
        return [
            Line(key, side, row.quantity, row.average_price if row.mark_price is None else row.mark_price)
            for key, sides in self._by_key.items()
            for side, row in sides.items()
        ]


_READ = (
    "strategy_id", "account_id", "symbol", "status", "intent", "mode", "quantity", "filled_quantity", "side",
    "position_side", "type", "price", "stop_price", "quote",
)  # fmt: skip


_STOPS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)

_POSITION = (
    "strategy_id", "account_id", "symbol", "side", "quantity", "average_price", "variant", "entries", "mark_price",
    "marked_at",
)  # fmt: skip


def read() -> Exposure:
    """The present exposure: as many rows as there are open positions and unfinished orders, however long the past.

    The orders first: on PostgreSQL a fill may be booked between the two statements. It is then counted twice, and an
    exit too much finds nothing to close; the other way round it would be in neither, and stay open.
    """
    # An entry in one of these states may still become (more of) a position; the partial index `signals_order_live`.
    orders = rows.select(
        Order,
        *_READ,
        where="status IN ('PENDING', 'SUBMITTED', 'OPEN', 'PARTIALLY_FILLED', 'UNKNOWN')",
    )
    # "is_open" as in the partial index `signals_position_open`.
    found = Exposure(rows.fetch(Position, *_POSITION, where="is_open"))
    for strategy, account, symbol, status, intent, mode, quantity, filled, side, position_side, kind, *prices in orders:
        key = Key(strategy, account, symbol)
        if status == Order.Status.UNKNOWN:
            found.in_doubt.add((account, symbol))
            entries = found.doubted.setdefault(key, [])
            if intent == Order.Intent.OPEN:
                entries.append((position_side, quantity - filled))
            elif kind not in _STOPS:
                closed = found.leaving.setdefault(key, {})
                closed[position_side] = closed.get(position_side, ZERO) + quantity - filled
        if intent == Order.Intent.OPEN and mode != Order.Mode.DRY_RUN:
            found.pending.append(Line(key, position_side, quantity - filled, _price(side, *prices)))
    return found


def _price(side: str, limit: Decimal | None, stop: Decimal | None, quote: dict[str, Any]) -> Decimal | None:
    """What an order is expected to trade at: its own price, else the far side of the quote it was decided on."""
    own = limit if limit is not None else stop
    if own is not None:
        return own
    told = quote.get("ask" if side == "buy" else "bid")
    return None if told is None else Decimal(told)


class Book:
    """The exposure as seen from one proposed order; positions are counted once per `Key`."""

    def __init__(self, own: Key, exposure: Exposure) -> None:
        self.own = own
        self._exposure = exposure
        self._all = exposure.keys()

    def open_positions(self, scope: Scope) -> set[Key]:
        """Those of the whole scope: everywhere, of the strategy, or of the account."""
        return {key for key in self._all if self._in_scope(key, scope)}

    def _in_scope(self, key: Key, scope: Scope) -> bool:
        if scope == Scope.STRATEGY:
            return key.strategy == self.own.strategy
        return scope != Scope.ACCOUNT or key.account == self.own.account

    def positions_in_symbol(self, scope: Scope) -> set[Key]:
        """Those of the order's own account and symbol; of its strategy only for a strategy's limit."""
        mine = {key for key in self._all if (key.account, key.symbol) == (self.own.account, self.own.symbol)}
        return {key for key in mine if scope != Scope.STRATEGY or key.strategy == self.own.strategy}

    def own_pending_quantity(self) -> Decimal:
        """Base units of entries on their way for this very position."""
        return sum((line.quantity for line in self._exposure.pending if line.key == self.own), ZERO)

    def lines(self, scope: Scope) -> list[Line]:
        """What is held and on its way in the whole scope."""
        return [line for line in self._exposure.lines() if self._in_scope(line.key, scope)]

    def here(self) -> list[Line]:
        """What is held and on its way on the order's own account and symbol, of all strategies."""
        own = self.own
        return [
            line for line in self._exposure.lines() if (line.key.account, line.key.symbol) == (own.account, own.symbol)
        ]


def currency_of(line: Line) -> str:
    """What the line's value is counted in: the quote in its symbol's name; a share's is its account's."""
    return _quote_of(line.key.symbol) or currencies().get(line.key.account, "")


@lru_cache(maxsize=1000)
def _quote_of(symbol: str) -> str:
    """Empty for a share, whose symbol does not name it."""
    return symbol.partition("/")[2].partition(":")[0]


def _load() -> dict[int, str]:
    return dict(Account.objects.values_list("pk", "currency"))


currencies = configuration.Cached(_load)  # account → the currency that its limits are counted in
