"""The seam between the portal and venues: one Protocol, frozen values, errors by what to do next (X1, X6).

Quantities are in base units and exact everywhere; a broker turns them into contracts, lots or notional. Symbols are
the unified ones that strategies map to: `BTC/USDT` (spot), `BTC/USDT:USDT` (swap), `AAPL` (stocks). The errors are
those of `accounts.brokers.problems`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from tradeops.core.money import EXACT, OrderType, Side

from .problems import BrokerError as BrokerError
from .problems import BrokerRejected as BrokerRejected
from .problems import BrokerTemporary as BrokerTemporary
from .problems import BrokerUnknown as BrokerUnknown
from .problems import Rejection as Rejection
from .shared import Throttle as Throttle
from .shared import Told as Told
from .shared import Untold as Untold


class ReportStatus(StrEnum):
    OPEN = "OPEN"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class TimeInForce(StrEnum):
    GTC = "gtc"  # until it is cancelled
    IOC = "ioc"  # what fills at once; the rest is cancelled
    FOK = "fok"  # whole and at once, or not at all


class Cause(StrEnum):
    """What brought a trade about that none of our orders asked for."""

    HAND = "hand"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TRAILING = "trailing"
    LIQUIDATION = "liquidation"
    FUNDING = "funding"
    VENUE = "venue"  # auto-deleveraging, delivery, and what else the venue does


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a broker can do; asking for more is rejected before any network call."""

    markets: frozenset[str]
    order_types: frozenset[OrderType]
    time_in_force: frozenset[TimeInForce] = frozenset()
    margin_modes: frozenset[str] = frozenset()  # cross, isolated
    sandbox: bool = False
    hedge: bool = False  # knows accounts that hold long and short of one symbol side by side
    post_only: bool = False
    leverage: bool = False
    quote_amount: bool = False  # spot market buys for an amount of the quote currency
    attached_exits: bool = False  # a stop loss and take profits that the venue arms when the entry fills
    positions: bool = False  # has positions to read, not only balances
    trades: bool = False  # lists past trades, by hand too
    transfers: bool = False  # lists what was put into the account and taken out
    prices: bool = False  # `quote` answers
    send_expiry: bool = False  # the venue refuses an order that arrives after `send_expires_at`
    reuses_ids: bool = False  # takes a client order id again once its order is filled: an id alone doubles
    local: bool = False  # answers without a network call, so that a thread for it buys nothing
    credentials: tuple[str, ...] = ()  # the names it needs, of api_key, secret, passphrase, sub_account
    optional_credentials: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()  # where credentials go by default: real, then sandbox


@dataclass(frozen=True, kw_only=True)
class Access:
    """How to reach one account. `credentials` are plain text, opened by the caller, and never logged.

    They are empty in processes that may not open them; then only what needs none works (instruments, prices).
    """

    account_id: int
    slug: str
    broker: str
    market: str
    throttle: Throttle
    told: Told = field(default_factory=Untold)
    sandbox: bool = False
    base_url: str = ""
    margin_mode: str = "cross"
    leverage: Decimal | None = None
    currency: str = "USDT"
    fee_bps: Decimal = Decimal(0)
    slippage_bps: Decimal = Decimal(0)
    initial_balances: dict[str, str] = field(default_factory=dict)
    credentials: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Quote:
    """`at` is when the price was true, `source` who said so."""

    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    at: datetime
    source: str
    bid_size: Decimal | None = None  # base units that are there at the bid; None = not told
    ask_size: Decimal | None = None
    volume: Decimal | None = None
    volatility: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """A symbol's trading rules, in base units; 0 = no bound. `contract` is what one contract is worth (1 on spot).

    Venues take less at once at the market than in a limit: `max_market_quantity` (None = as `max_quantity`), and
    `max_market_worth` in the quote currency.
    """

    symbol: str
    base: str
    quote: str
    lot: Decimal
    tick: Decimal
    min_quantity: Decimal
    max_quantity: Decimal = Decimal(0)
    min_notional: Decimal = Decimal(0)
    contract: Decimal = Decimal(1)
    settle: str = ""
    venue_symbol: str = ""
    max_market_quantity: Decimal | None = None
    max_market_worth: Decimal = Decimal(0)

    def most_at_once(self, kind: OrderType, *, price: Decimal) -> Decimal:
        """The most that one order may have; 0 = no bound. `price` is what it would trade at, 0 if nobody knows."""
        bounds = [self.max_quantity]
        if kind not in (OrderType.LIMIT, OrderType.STOP_LIMIT):  # stops without a limit end at the market
            bounds.append(self.max_market_quantity or Decimal(0))
            bounds.append(EXACT.divide(self.max_market_worth, price) if price > 0 else Decimal(0))
        return min((bound for bound in bounds if bound > 0), default=Decimal(0))


@dataclass(frozen=True, kw_only=True)
class Intended:
    """The opening order that `max_quantity` is asked for: its own leverage and margin mode, else the account's."""

    quantity: Decimal
    leverage: Decimal | None = None
    margin_mode: str = ""


@dataclass(frozen=True, kw_only=True)
class AttachedExit:
    """A stop loss (`kind` stop_loss) or take profit that the venue arms for the filled part of an entry.

    `share` of the filled quantity; market order at `trigger` unless `limit` is given.
    """

    kind: Cause
    trigger: Decimal
    share: Decimal = Decimal(1)
    limit: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class OrderRequest:
    client_order_id: str
    symbol: str
    market: str
    side: Side
    type: OrderType
    quantity: Decimal
    closes: bool  # only reduces: reduce-only, position side or free balance, as the venue needs it
    position_side: str = "long"  # of the position that it opens or reduces
    price: Decimal | None = None  # the limit; for a trailing stop, where it is armed
    stop_price: Decimal | None = None
    trailing: Decimal | None = None  # distance as a share of the price: 0.01 = 1 %
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    quote_amount: Decimal | None = None  # market buy for this much quote currency; `quantity` is then an estimate
    leverage: Decimal | None = None
    margin_mode: str = ""
    attached: tuple[AttachedExit, ...] = ()
    quote: Quote | None = None  # what it was decided on; a simulated venue fills against it
    send_expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class FillReport:
    """`fee` is what was paid, negative for a rebate."""

    trade_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class OrderReport:
    """What the venue says of one order. `fills` may repeat earlier ones; their trade ids make them count once.

    `filled` and `average_price` are the venue's totals, where it gives them; `raw` is its answer without secrets.
    """

    client_order_id: str
    venue_order_id: str
    status: ReportStatus
    fills: tuple[FillReport, ...] = ()
    filled: Decimal | None = None
    average_price: Decimal | None = None
    symbol: str = ""
    side: Side | None = None
    quantity: Decimal | None = None
    code: str = ""
    venue_code: str = ""
    message: str = ""
    raw: str = ""


@dataclass(frozen=True, kw_only=True)
class TradeReport:
    """One trade of the account, whoever asked for it; `client_order_id` is empty where we did not.

    `parent_client_order_id` names our entry when the venue fired an exit that was attached to it. `position_side` is
    empty on one-way and spot accounts.
    """

    fill: FillReport
    symbol: str
    side: Side
    venue_order_id: str
    client_order_id: str = ""
    parent_client_order_id: str = ""
    position_side: str = ""
    cause: Cause = Cause.HAND


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Money or coins put into the account (positive) or taken out: neither profit nor loss.

    `id` is the venue's, the same each time it is listed. Between the portal's account and another of the same owner it
    is one too: what matters is what `balances` counts.
    """

    id: str
    currency: str
    amount: Decimal
    at: datetime


@dataclass(frozen=True, kw_only=True)
class VenuePosition:
    """`quantity` in base units, never negative."""

    symbol: str
    side: str  # long, short
    quantity: Decimal
    average_price: Decimal | None = None
    mark_price: Decimal | None = None
    unrealised_pnl: Decimal | None = None
    liquidation_price: Decimal | None = None
    leverage: Decimal | None = None
    margin_mode: str = ""


@dataclass(frozen=True, kw_only=True)
class Balance:
    total: Decimal
    free: Decimal


@dataclass(frozen=True, kw_only=True)
class KeyFacts:
    """What the venue says of a key; None where it does not tell."""

    read: bool | None = None
    trade: bool | None = None
    withdraw: bool | None = None
    ip_bound: bool | None = None
    position_mode: str = ""  # one_way, hedge
    account: str = ""  # how the venue names the account, not a secret
    notes: tuple[str, ...] = ()


class Broker(Protocol):
    """One account at one venue. Instances are kept and shared by threads; they hold no database connection.

    Any method may raise BrokerTemporary; those that need credentials BrokerRejected(`bad_key` …) too. `now` is ours.
    """

    capabilities: Capabilities

    def instrument(self, symbol: str) -> Instrument:
        """Kept for an hour. Raises BrokerRejected(`unknown_instrument`)."""

    def max_quantity(
        self, symbol: str, *, side: Side, price: Decimal, intended: Intended | None = None
    ) -> Decimal | None:
        """The most that funds allow an opening order, in base units; None where the venue does not say.

        What is kept of an earlier answer never says that `intended` is too much: then the venue is asked anew.
        """

    def prepare(self, request: OrderRequest) -> None:
        """Makes the venue ready for an order: leverage and margin mode as the request has them.

        Called before the send is claimed; changes nothing when done again. Raises BrokerRejected(`position_mode` …).
        """

    def place(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        """Sends once, and not at all past `send_expires_at` (BrokerTemporary then).

        Raises BrokerRejected, BrokerTemporary (surely not accepted) or BrokerUnknown.
        """

    def preview(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        """What `place` would do now, changing nothing: FILLED, OPEN or REJECTED, with the reason in `message`."""

    def fetch(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        """The order with all of its fills (live, then history); None = the venue does not know it (yet)."""

    def cancel(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        """The order as it is after the cancel, which may be FILLED; None = the venue does not know it.

        Raises BrokerUnknown when nobody can tell whether the cancel arrived: asking again is safe.
        """

    def cancel_all(self, *, symbol: str = "") -> int:
        """Cancels every open order of the account, by hand placed ones too, or of one symbol; returns how many."""

    def open_orders(self, *, symbol: str = "") -> tuple[OrderReport, ...]:
        """Everything that rests at the venue, ours or not; fills need not be listed."""

    def trades(self, *, since: datetime, symbol: str = "") -> tuple[TradeReport, ...]:
        """All trades of the account's market from `since` on, oldest first, by hand and by the venue too."""

    def transfers(self, *, since: datetime) -> tuple[Transfer, ...]:
        """What `balances` has from or has given to elsewhere, from `since` on, oldest first; without what is pending.

        One that the venue undid is listed with its counterpart. Raises BrokerRejected(`unsupported`) where undeclared.
        """

    def positions(self) -> tuple[VenuePosition, ...]:
        """What is open; empty on spot, where balances say it."""

    def balances(self) -> dict[str, Balance]:
        """By currency; those with nothing in them may be left out."""

    def quote(self, symbol: str, *, now: datetime) -> Quote:
        """The best bid and ask. Needs no credentials."""

    def key(self) -> KeyFacts:
        """What the credentials may do, and how the account is set up."""
