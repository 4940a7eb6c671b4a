"""Making orders: the deterministic client order id, and the row that is committed before any network call (X4)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.brokers.base import Quote
from accounts.models import Account
from signals.models import Decision, Order, OrderStep, Signal, Strategy
from signals.strategies.actions import Leg
from tradeops.core import clock, money, rows
from tradeops.core.money import Side


def client_order_id(*, origin: str, origin_id: str, strategy: str, account: str, leg: int, attempt: int) -> str:
    """32 characters `[a-z2-7]` (base32 of SHA-256, 160 bits): the same parts always give the same id."""
    parts = "\x1f".join((origin, origin_id, strategy, account, str(leg), str(attempt)))
    return base64.b32encode(hashlib.sha256(parts.encode()).digest()[:20]).decode().lower()


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """All that an order of a decision needs; the leg's quantity is in base units."""

    decision: Decision
    signal: Signal
    strategy: Strategy
    account: Account
    mode: Order.Mode
    symbol: str
    leg: Leg
    number: int
    quote: Quote | None
    expires_at: datetime


def build(ticket: Ticket, *, now: datetime) -> Order:
    """The PENDING order, not stored yet."""
    return Order(
        client_order_id=client_order_id(
            origin=Order.Origin.SIGNAL,
            origin_id=ticket.signal.public_id,
            strategy=ticket.strategy.slug,
            account=ticket.account.slug,
            leg=ticket.number,
            attempt=0,
        ),
        origin=Order.Origin.SIGNAL,
        origin_id=ticket.signal.public_id,
        leg=ticket.number,
        signal=ticket.signal,
        decision=ticket.decision,
        strategy=ticket.strategy,
        account=ticket.account,
        mode=ticket.mode,
        symbol=ticket.symbol,
        side=ticket.leg.side,
        position_side=ticket.leg.position_side,
        intent=ticket.leg.intent,
        quantity=ticket.leg.quantity,
        quote={} if ticket.quote is None else quote_to_json(ticket.quote),
        request_id=ticket.signal.request_id,
        created_at=now,
        due_at=now,
        expires_at=ticket.expires_at,
    )


def store(orders: Iterable[Order]) -> None:
    """Inserts new orders, whose decisions are stored, with their first step, in the caller's transaction."""
    found = list(orders)
    for order in found:
        order.decision = order.decision  # takes over the primary key that the decision got meanwhile
    rows.insert_all(found)
    rows.insert_all(
        [
            OrderStep(
                order=order,
                step="created",
                at=order.created_at,
                detail=f"{order.side} {money.plain(order.quantity)} {order.symbol}, id {order.client_order_id}",
            )
            for order in found
        ]
    )


def step(order: Order, name: str, *, at: datetime, detail: str = "") -> None:
    rows.insert(OrderStep(order=order, step=name, at=at, detail=detail[:300]))


def record(order: Order, steps: Iterable[tuple[str, str]], *, at: datetime) -> None:
    """Several steps (name, detail) at one moment."""
    rows.insert_all([OrderStep(order=order, step=name, at=at, detail=detail[:300]) for name, detail in steps])


def quote_to_json(quote: Quote) -> dict[str, Any]:
    """Amounts as text, the time ISO 8601; None is left out."""
    found = {}
    for name, value in asdict(quote).items():
        if isinstance(value, Decimal):
            found[name] = money.plain(value)
        elif isinstance(value, datetime):
            found[name] = clock.iso_ms(value)
        elif value is not None:
            found[name] = value
    return found


def quote_of(order: Order) -> Quote | None:
    """The quote that the order was decided on, as it was stored; None without one."""
    if not order.quote:
        return None
    data = dict(order.quote)
    for name in ("bid", "ask", "last", "volume", "volatility"):
        if name in data:
            data[name] = Decimal(data[name])
    return Quote(**{**data, "at": datetime.fromisoformat(data["at"])})


def reference_price(order: Order) -> Decimal | None:
    """What the order would pay (ask) or get (bid), in the quote currency."""
    quote = quote_of(order)
    if quote is None:
        return None
    return quote.ask if order.side == Side.BUY else quote.bid


def backoff(tries: int) -> timedelta:
    """0.5 s doubling to 30 s."""
    return timedelta(seconds=min(30.0, 0.5 * 2 ** min(tries, 10)))
