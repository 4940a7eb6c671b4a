"""What the venue knows of one account: settings, cash, orders, trades and positions, all in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .instruments import Listing

ZERO = Decimal(0)
LIVE = ("live", "partially_filled")


@dataclass(kw_only=True)
class Order:
    """`size` as it was asked for (contracts, base or quote); `target` and `filled` in base units or contracts."""

    order_id: str
    client_id: str
    listing: Listing
    side: str
    pos_side: str
    mode: str  # cash, cross, isolated
    type: str
    size: Decimal
    target: Decimal
    created: float
    updated: float
    visible: float
    price: Decimal | None = None
    target_currency: str = ""
    reduce_only: bool = False
    leverage: Decimal | None = None
    tag: str = ""
    state: str = "live"
    filled: Decimal = ZERO
    notional: Decimal = ZERO  # Σ size × price of its trades
    fee: Decimal = ZERO  # OKX's sign: negative is what was paid
    pnl: Decimal = ZERO
    trades: list[Trade] = field(default_factory=list)
    cancel_source: str = ""
    attached: list[dict[str, Any]] = field(default_factory=list)
    algo_id: str = ""
    algo_client_id: str = ""
    category: str = "normal"
    source: str = ""
    held: bool = False  # rests until told, whatever the price
    fault: str = ""

    @property
    def remaining(self) -> Decimal:
        return self.target - self.filled

    @property
    def average(self) -> Decimal | None:
        return self.notional / self.filled if self.filled else None


@dataclass(frozen=True, kw_only=True)
class Trade:
    trade_id: str
    bill_id: str
    order: Order
    size: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
    pnl: Decimal
    at: float
    visible: float
    sub_type: str


@dataclass(kw_only=True)
class Position:
    """`size` in contracts, signed in one-way mode (pos_side net), positive for long and short."""

    listing: Listing
    mode: str
    pos_side: str
    size: Decimal = ZERO
    average: Decimal = ZERO
    realised: Decimal = ZERO
    created: float = 0
    updated: float = 0
    number: str = ""

    @property
    def direction(self) -> int:
        if self.pos_side == "net":
            return (self.size > 0) - (self.size < 0)
        return 1 if self.pos_side == "long" else -1

    def worth(self, price: Decimal) -> Decimal:
        return abs(self.size) * self.listing.contract * price

    def profit(self, price: Decimal) -> Decimal:
        return (price - self.average) * abs(self.size) * self.listing.contract * self.direction


@dataclass(kw_only=True)
class Algo:
    """A stop, take profit, trigger or trailing order that waits for its price."""

    algo_id: str
    client_id: str
    listing: Listing
    side: str
    pos_side: str
    mode: str
    type: str  # conditional, oco, trigger, move_order_stop
    size: Decimal
    created: float
    visible: float
    asked: dict[str, Any]  # the fields as they came
    reduce_only: bool = False
    state: str = "live"
    best: Decimal | None = None  # of a trailing stop that is armed: the best price since
    order_ids: list[str] = field(default_factory=list)
    actual_size: Decimal = ZERO
    actual_side: str = ""  # tp or sl
    parent: str = ""  # the order it was attached to
    updated: float = 0
    triggered: float | None = None
    fail_code: str = ""


PositionKey = tuple[str, str, str]


@dataclass(kw_only=True)
class Books:
    """`permissions` as OKX lists them; `addresses` empty = the key is bound to none."""

    name: str
    key: str
    secret: str = field(repr=False)
    passphrase: str = field(repr=False)
    simulated: bool = True
    position_mode: str = "net_mode"
    level: str = "2"  # acctLv: 1 spot, 2 futures, 3 multi-currency, 4 portfolio
    permissions: str = "read_only,trade"
    addresses: tuple[str, ...] = ()
    cash: dict[str, Decimal] = field(default_factory=dict)
    leverage: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    by_client_id: dict[str, list[Order]] = field(default_factory=dict)
    live: dict[str, Order] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    positions: dict[PositionKey, Position] = field(default_factory=dict)
    shown: dict[PositionKey, list[tuple[float, Position]]] = field(default_factory=dict)
    algos: dict[str, Algo] = field(default_factory=dict)
    algo_ids: dict[str, Algo] = field(default_factory=dict)  # by their client ids
    bills: list[dict[str, str]] = field(default_factory=list)

    @property
    def uid(self) -> str:
        return str(100000000 + sum(ord(letter) * 7**place for place, letter in enumerate(self.name[:8])))

    def add(self, order: Order) -> None:
        self.orders[order.order_id] = order
        if order.client_id:
            self.by_client_id.setdefault(order.client_id, []).append(order)
        self.live[order.order_id] = order

    def open_positions(self) -> Iterator[Position]:
        return (position for position in self.positions.values() if position.size)

    def leverage_of(self, inst_id: str, mode: str, pos_side: str) -> Decimal:
        """3 until it is set; per position side only where the account hedges and the margin is isolated."""
        side = pos_side if mode == "isolated" and self.position_mode == "long_short_mode" else ""
        return self.leverage.get((inst_id, mode, side), Decimal(3))
