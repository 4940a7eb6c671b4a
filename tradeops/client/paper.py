"""A copy of one of the portal's paper accounts, kept up by looks at its state."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from .errors import BadAnswer, NotFound, NotPaper
from .patience import Pause, until_answered, until_closed
from .reading import Row
from .shapes import Balance, Fill, Order, Position, VenuePosition
from .transport import Transport

PAPER = "paper"
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
_ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What one look found. False where nothing had changed.

    `orders` are open ones that are new or have moved on; `ended` those that were open at the last look, as they ended;
    `positions` and `balances` as they are now, a flat position with quantity 0, a balance that is gone with 0.
    `more`: there are more fills than one look takes.
    """

    at: datetime
    fills: tuple[Fill, ...] = ()
    orders: tuple[Order, ...] = ()
    ended: tuple[Order, ...] = ()
    positions: tuple[Position, ...] = ()
    balances: tuple[Balance, ...] = ()
    more: bool = False

    def __bool__(self) -> bool:
        return any((self.fills, self.orders, self.ended, self.positions, self.balances))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """`here` is what the program holds by its own reckoning, `there` the paper account; positive = long."""

    symbol: str
    here: Decimal
    there: Decimal


@dataclass(frozen=True)
class _Look:
    at: datetime
    balances: Mapping[str, Balance]
    positions: Mapping[tuple[str, str, str], Position]
    venue_positions: tuple[VenuePosition, ...]
    orders: Mapping[str, Order]
    fills: tuple[Fill, ...]
    cursor: int | None
    more: bool


@dataclass(frozen=True)
class _Held:
    balances: Mapping[str, Balance] = field(default_factory=dict)
    positions: Mapping[tuple[str, str, str], Position] = field(default_factory=dict)
    venue_positions: tuple[VenuePosition, ...] = ()
    orders: Mapping[str, Order] = field(default_factory=dict)


class PaperAccount:
    """Balances, positions and open orders as of `at`, all of one moment. For one thread.

    Fills come each once, in the order of their ids, as part of the Changes; a program that stores what it does with
    them stores `fills_cursor` along with it, and gives it to `sync_paper` when it starts again.
    """

    def __init__(self, transport: Transport, account: str, *, fills_after: int | None, pause: Pause) -> None:
        self.account = account
        self.at: datetime | None = None
        self.fills_cursor = fills_after
        self._held = _Held()
        self._transport = transport
        self._pause = pause

    @property
    def balances(self) -> Mapping[str, Balance]:
        """By currency."""
        return self._held.balances

    @property
    def positions(self) -> tuple[Position, ...]:
        """The open ones, each strategy's by itself."""
        return tuple(self._held.positions.values())

    @property
    def venue_positions(self) -> tuple[VenuePosition, ...]:
        """Contracts as the paper venue itself holds them; none on a spot account."""
        return self._held.venue_positions

    @property
    def open_orders(self) -> Mapping[str, Order]:
        """By client order id."""
        return self._held.orders

    @property
    def net(self) -> Mapping[str, Decimal]:
        """By symbol, over all strategies; positive = long; flat ones are left out."""
        found: dict[str, Decimal] = {}
        for position in self.positions:
            found[position.symbol] = found.get(position.symbol, _ZERO) + position.net
        return {symbol: quantity for symbol, quantity in found.items() if quantity}

    def differences(self, positions: Mapping[str, Decimal]) -> tuple[Difference, ...]:
        """Where the account differs from `positions`: what a program thinks it holds, by symbol, positive = long."""
        there = self.net
        symbols = sorted({*there, *positions})
        pairs = ((symbol, positions.get(symbol, _ZERO), there.get(symbol, _ZERO)) for symbol in symbols)
        return tuple(Difference(symbol=name, here=ours, there=theirs) for name, ours, theirs in pairs if ours != theirs)

    def load(self) -> None:
        """The first look, without fills. Raises BadAnswer, which passes, while the portal does not know their place."""
        look = self._look({})
        if look.cursor is None:
            raise BadAnswer("The portal is still finding its place among the fills.")
        if self.fills_cursor is None:
            self.fills_cursor = look.cursor
        self._keep(look)

    def update(self) -> Changes:
        """Looks once. What it raises has changed nothing here: the next look finds the same.

        Raises FillsGone where the portal has not come as far as `fills_cursor`: begin again with `sync_paper`.
        """
        look = self._look({} if self.fills_cursor is None else {"fills_after": self.fills_cursor})
        gone = [name for name in self._held.orders if name not in look.orders]
        changes = Changes(
            at=look.at,
            fills=look.fills,
            orders=_new(self._held.orders, look.orders),
            ended=tuple(order for name in gone if (order := self._ended(name)) is not None),
            positions=_new(self._held.positions, look.positions) + self._flat(look),
            balances=_new(self._held.balances, look.balances) + self._empty(look),
            more=look.more,
        )
        self._keep(look)
        self.fills_cursor = look.cursor
        return changes

    def _keep(self, look: _Look) -> None:
        self._held = _Held(look.balances, look.positions, look.venue_positions, look.orders)
        self.at = look.at

    def follow(self, *, every: float = 1.0) -> Iterator[Changes]:
        """Looks each `every` seconds and yields what has changed, through outages of any length."""
        return until_closed(self._follow(every))

    def _follow(self, every: float) -> Iterator[Changes]:
        while True:
            changes = until_answered(self.update, self._pause)
            if changes:
                yield changes
            if not changes.more:
                self._pause(every)

    def _look(self, params: Mapping[str, int]) -> _Look:
        row = self._transport.body(f"/api/v1/accounts/{self.account}/state", params)
        if (broker := row.text("broker")) != PAPER:
            raise NotPaper(f"{self.account} is an account at {broker}, not a paper account.")
        return _Look(
            at=row.moment("at"),
            balances=_by(row.rows("balances"), Balance.of, lambda one: one.currency),
            positions=_by(row.rows("positions"), Position.of, _key),
            venue_positions=tuple(VenuePosition.of(one) for one in row.rows("venue_positions")),
            orders=_by(row.rows("open_orders"), Order.of, lambda one: one.client_order_id),
            fills=tuple(Fill.of(one) for one in row.rows("fills")),
            cursor=row.maybe("fills_cursor", row.whole),
            more=row.flag("more_fills"),
        )

    def _ended(self, client_order_id: str) -> Order | None:
        try:
            return Order.of(self._transport.body(f"/api/v1/orders/{client_order_id}"))
        except NotFound:  # not the person's to see any more
            return None

    def _flat(self, look: _Look) -> tuple[Position, ...]:
        """Those that were open at the last look and are not now, with what they made."""
        gone = [key for key in self._held.positions if key not in look.positions]
        if not gone:
            return ()
        asked: dict[str, str | int] = {"account": self.account, "open": "false", "page_size": 200}
        pages = self._transport.listed("/api/v1/positions", asked)
        flat = _by([row for page in pages for row in page], Position.of, _key)
        return tuple(flat[key] for key in gone if key in flat)

    def _empty(self, look: _Look) -> tuple[Balance, ...]:
        gone = [name for name in self._held.balances if name not in look.balances]
        return tuple(Balance(currency=name, total=_ZERO, free=_ZERO) for name in gone)


def _key(position: Position) -> tuple[str, str, str]:
    return position.strategy, position.symbol, position.side


def _by(rows: Iterable[Row], read: Callable[[Row], T], key: Callable[[T], K]) -> dict[K, T]:
    return {key(one): one for one in map(read, rows)}


def _new(before: Mapping[K, T], after: Mapping[K, T]) -> tuple[T, ...]:
    return tuple(one for key, one in after.items() if before.get(key) != one)
