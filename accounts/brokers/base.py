"""The seam between the portal and venues: one Protocol, frozen values, errors by what to do next (X1, X6).

Quantities are in base units and exact everywhere; a broker turns them into contracts, lots or notional.

BrokerError
├── BrokerTemporary   nothing was accepted; try the same call again after `retry_after` seconds
├── BrokerRejected    final, with the venue's code and a plain sentence
└── BrokerUnknown     the venue may have accepted it (time-out or 5xx after sending): query, never resend
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from tradeops.core.errors import TradeOpsError
from tradeops.core.money import OrderType, Side


class BrokerError(TradeOpsError):
    code = "broker"


class BrokerTemporary(BrokerError):
    permanent = False

    def __init__(self, message: str, *, code: str = "temporary", retry_after: float = 1.0) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class BrokerRejected(BrokerError):
    pass


class BrokerUnknown(BrokerError):
    permanent = False


class ReportStatus(StrEnum):
    OPEN = "OPEN"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a broker can do; asking for more is rejected before any network call."""

    markets: frozenset[str]
    order_types: frozenset[OrderType]
    sandbox: bool = False
    send_expiry: bool = False  # the venue refuses an order that arrives after `send_expires_at`
    local: bool = False  # answers without a network call, so that a thread for it buys nothing


@dataclass(frozen=True, kw_only=True)
class Access:
    """How to reach one account. `credentials` are plain text, opened by the caller, and never logged."""

    account_id: int
    slug: str
    market: str
    sandbox: bool = False
    base_url: str = ""
    fee_bps: Decimal = Decimal(0)
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
    volume: Decimal | None = None
    volatility: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """A symbol's trading rules, in base units; 0 = no bound."""

    symbol: str
    base: str
    quote: str
    lot: Decimal
    tick: Decimal
    min_quantity: Decimal
    max_quantity: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class OrderRequest:
    client_order_id: str
    symbol: str
    market: str
    side: Side
    type: OrderType
    quantity: Decimal
    closes: bool  # only reduces: reduce-only, position side or free balance, as the venue needs it
    price: Decimal | None = None
    quote: Quote | None = None  # what it was decided on; a simulated venue fills against it
    send_expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class FillReport:
    trade_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class OrderReport:
    """What the venue says of one order. `fills` may repeat earlier ones; their trade ids make them count once."""

    client_order_id: str
    venue_order_id: str
    status: ReportStatus
    fills: tuple[FillReport, ...] = ()
    code: str = ""
    message: str = ""


class Broker(Protocol):
    capabilities: Capabilities

    def instrument(self, symbol: str) -> Instrument:
        """Raises BrokerRejected(`unknown_instrument`), BrokerTemporary."""

    def max_quantity(self, symbol: str, *, side: Side, price: Decimal) -> Decimal | None:
        """The most that funds allow, in base units; None where the venue does not say. Raises BrokerTemporary."""

    def place(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        """Sends once. Raises BrokerRejected, BrokerTemporary (surely not accepted) or BrokerUnknown."""

    def preview(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        """What `place` would do now, changing nothing: FILLED or REJECTED, with the reason in `message`."""

    def fetch(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        """The order as the venue knows it (open, then history); None = the venue does not know it."""

    def balances(self) -> dict[str, Decimal]:
        """Free amounts by currency. Raises BrokerTemporary."""
