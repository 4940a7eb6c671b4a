"""Making orders: the deterministic client order id, and the row that is committed before any network call (X4).

Also their steps (X3), and when to look at them next.
"""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.brokers.base import Quote
from accounts.models import Account
from signals.models import Decision, Order, OrderStep, Signal, Strategy
from signals.strategies.actions import Leg
from signals.strategies.terms import MARKET, Terms
from tradeops.core import clock, later, money, rows
from tradeops.core.money import OrderType, Side

# The code of a PENDING exit that waits until it is known what became of the entry that it is to close.
AFTER_DOUBT = "after_doubt"
# The code of an exit that the venue takes only in parts; the next part follows when this one is filled.
IN_PARTS = "in_parts"
# A step's name, its detail, and when it happened (left out: when it is recorded).
Step = tuple[str, str] | tuple[str, str, datetime]


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
    terms: Terms = MARKET
    cancel_after: datetime | None = None


def build(ticket: Ticket, *, now: datetime) -> Order:
    """The PENDING order, not stored yet."""
    terms = ticket.terms
    order = rows.make(
        Order,
        client_order_id=client_order_id(
            origin=Order.Origin.SIGNAL,
            origin_id=ticket.signal.public_id,
            strategy=ticket.strategy.slug,
            account=ticket.account.slug,
            leg=ticket.number,
            attempt=0,
        ),
        origin=Order.Origin.SIGNAL.value,
        origin_id=ticket.signal.public_id,
        leg=ticket.number,
        mode=ticket.mode.value,
        symbol=ticket.symbol,
        side=str(ticket.leg.side),
        position_side=ticket.leg.position_side,
        intent=ticket.leg.intent,
        quantity=ticket.leg.quantity,
        code=AFTER_DOUBT if ticket.leg.after_doubt else "",
        type=terms.type.value,
        price=terms.price,
        stop_price=terms.stop_price,
        time_in_force=terms.time_in_force,
        post_only=terms.post_only,
        quote_amount=terms.quote_amount,
        leverage=terms.leverage,
        margin_mode=terms.margin_mode,
        quote={} if ticket.quote is None else quote_to_json(ticket.quote),
        request_id=ticket.signal.request_id,
        created_at=now,
        due_at=now,
        expires_at=ticket.expires_at,
        cancel_after=ticket.cancel_after,
    )
    # Whoever sends it needs them, and would have to read them.
    order.signal, order.decision, order.strategy = ticket.signal, ticket.decision, ticket.strategy
    order.account = ticket.account
    return order


def store(orders: Iterable[Order], *, why: str = "") -> None:
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
                detail=f"{_described(order)}, id {order.client_order_id}" + (f", {why}" if why else ""),
            )
            for order in found
        ]
    )


def _described(order: Order) -> str:
    """Such as `buy 0.01 BTC/USDT`, `sell 0.01 BTC/USDT limit 51000`."""
    prices = [f"{money.plain(price)}" for price in (order.stop_price, order.price) if price is not None]
    kind = [] if order.type == OrderType.MARKET else [order.type, *prices]
    return " ".join([order.side, money.plain(order.quantity) or "", order.symbol, *kind])


# What a claim changes.
CLAIMED = (
    "status", "code", "claim_token", "sender_token", "lease_until", "send_expires_at", "sent_at", "sent_quantity",
)  # fmt: skip


def step(order: Order, name: str, *, at: datetime, detail: str = "") -> None:
    record(order, [(name, detail)], at=at)


def record(order: Order, steps: Iterable[Step], *, at: datetime) -> None:
    """Several steps; `at` holds for those that do not say when they happened."""
    later.write(
        rows.insert_all,
        [
            rows.make(OrderStep, order_id=order.pk, step=name, at=when[0] if when else at, detail=detail[:300])
            for name, detail, *when in steps
        ],
    )


_QUOTED = tuple(one.name for one in fields(Quote))
_NO_AMOUNTS = frozenset({"symbol", "source", "at"})


def quote_to_json(quote: Quote) -> dict[str, Any]:
    """Amounts as text, the time ISO 8601; None is left out."""
    found = {}
    for name in _QUOTED:
        value = getattr(quote, name)
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
    for name in data.keys() - _NO_AMOUNTS:
        data[name] = Decimal(data[name])
    return Quote(**{**data, "at": datetime.fromisoformat(data["at"])})


def reference_price(order: Order) -> Decimal | None:
    """What the order would pay (ask) or get (bid), in the quote currency."""
    quote = quote_of(order)
    if quote is None:
        return None
    return quote.ask if order.side == Side.BUY else quote.bid


def backoff(tries: int) -> timedelta:
    """0.5 s doubling to 30 s, and up to a quarter more, so that many do not come back at one moment."""
    return timedelta(seconds=min(30.0, 0.5 * 2 ** min(tries, 10)) * random.uniform(1, 1.25))  # noqa: S311


SOONEST, LATEST = timedelta(seconds=0.2), timedelta(seconds=2)


def next_poll(order: Order, *, now: datetime) -> datetime:
    """When to ask after a resting order, or for its cancel, again: soon while that is young, each 2 s later."""
    since = order.cancel_asked_at or order.sent_at or now
    at = now + max(SOONEST, min(LATEST, (now - since) / 2))
    if order.cancel_after is None or order.cancel_asked_at is not None:
        return at
    return max(now, min(at, order.cancel_after))
