"""What the API tells of trading, typed. Quantities are in base units; times are in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from .reading import Row


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened. `id` grows; store it to go on after it. Empty = the event is not about one."""

    id: int
    event: str
    level: str  # info, warning, error, critical
    title: str
    at: datetime
    signal: str
    strategy: str
    account: str
    symbol: str
    request_id: str
    body: Mapping[str, Any]

    @classmethod
    def of(cls, row: Row) -> Event:
        return cls(
            id=row.whole("id"), event=row.text("event"), level=row.text("level"), title=row.text("title"),
            at=row.moment("at"), signal=row.text("signal"), strategy=row.text("strategy"),
            account=row.text("account"), symbol=row.text("symbol"), request_id=row.text("request_id"),
            body=row.mapping("body"),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of the analysis; what it found is its Analysis."""

    run_id: str
    plan: str
    status: str
    finished_at: datetime | None

    @classmethod
    def of(cls, row: Row) -> Run:
        return cls(
            run_id=row.text("run_id"), plan=row.text("plan"), status=row.text("status"),
            finished_at=row.maybe("finished_at", row.moment),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Balance:
    currency: str
    total: Decimal
    free: Decimal

    @classmethod
    def of(cls, row: Row) -> Balance:
        return cls(currency=row.text("currency"), total=row.amount("total"), free=row.amount("free"))


@dataclass(frozen=True, kw_only=True)
class VenuePosition:
    """A contract that the venue holds for the account, whoever traded it."""

    symbol: str
    side: str  # long, short
    quantity: Decimal
    average_price: Decimal | None

    @classmethod
    def of(cls, row: Row) -> VenuePosition:
        return cls(
            symbol=row.text("symbol"), side=row.text("side"), quantity=row.amount("quantity"),
            average_price=row.maybe("average_price", row.amount),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Account:
    account: str
    broker: str
    market: str
    currency: str
    active: bool
    frozen_reason: str

    @classmethod
    def of(cls, row: Row) -> Account:
        return cls(
            account=row.text("slug"), broker=row.text("broker"), market=row.text("market"),
            currency=row.text("currency"), active=row.flag("active"), frozen_reason=row.text("frozen_reason"),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Position:
    """What one strategy holds on one account, symbol and side."""

    strategy: str
    account: str
    symbol: str
    side: str  # long, short
    quantity: Decimal
    average_price: Decimal | None
    realised_pnl: Decimal
    fees: Decimal
    is_open: bool
    updated_at: datetime

    @classmethod
    def of(cls, row: Row) -> Position:
        return cls(
            strategy=row.text("strategy"), account=row.text("account"), symbol=row.text("symbol"),
            side=row.text("side"), quantity=row.amount("quantity"),
            average_price=row.maybe("average_price", row.amount), realised_pnl=row.amount("realised_pnl"),
            fees=row.amount("fees"), is_open=row.flag("is_open"), updated_at=row.moment("updated_at"),
        )  # fmt: skip

    @property
    def net(self) -> Decimal:
        """Positive = long."""
        return self.quantity if self.side == "long" else -self.quantity


@dataclass(frozen=True, kw_only=True)
class Order:
    client_order_id: str
    strategy: str
    account: str
    symbol: str
    side: str  # buy, sell
    type: str
    intent: str  # open, close
    mode: str  # dry_run, paper, live
    status: str
    quantity: Decimal
    price: Decimal | None
    filled_quantity: Decimal
    average_price: Decimal | None
    code: str
    message: str
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: Row) -> Order:
        return cls(
            client_order_id=row.text("client_order_id"), strategy=row.text("strategy"), account=row.text("account"),
            symbol=row.text("symbol"), side=row.text("side"), type=row.text("type"), intent=row.text("intent"),
            mode=row.text("mode"), status=row.text("status"), quantity=row.amount("quantity"),
            price=row.maybe("price", row.amount), filled_quantity=row.amount("filled_quantity"),
            average_price=row.maybe("average_price", row.amount), code=row.text("code"), message=row.text("message"),
            created_at=row.moment("created_at"), finished_at=row.maybe("finished_at", row.moment),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Fill:
    id: int
    order: str  # its client order id
    strategy: str
    account: str
    trade_id: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at: datetime

    @classmethod
    def of(cls, row: Row) -> Fill:
        return cls(
            id=row.whole("id"), order=row.text("order"), strategy=row.text("strategy"), account=row.text("account"),
            trade_id=row.text("trade_id"), symbol=row.text("symbol"), side=row.text("side"),
            quantity=row.amount("quantity"), price=row.amount("price"), fee=row.amount("fee"),
            fee_currency=row.text("fee_currency"), at=row.moment("at"),
        )  # fmt: skip
