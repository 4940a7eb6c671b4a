"""The only writer of an order's status: the answer, a poll, a reconciliation all end here (DESIGN §2.5).

Every function locks the order's row, checks the transition, writes order, fills, position and event in one
transaction, and can be run twice with the same report to the same end.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.brokers.base import FillReport, OrderReport
from signals.models import Fill, Order, Position
from signals.portfolio import positions
from signals.portfolio.positions import Trade
from tradeops.core import events, fsm, money, rows, wake
from tradeops.core.events import Event, Level
from tradeops.core.money import EXACT, ZERO, Side

from .lifecycle import FINAL, TRANSITIONS
from .orders import record, step

# What changes in the life of an order; the rest is as it was made.
_CHANGES = (
    "status", "code", "message", "venue_order_id", "sent_quantity", "filled_quantity", "average_price", "tries",
    "due_at", "sent_at", "finished_at", "claim_token", "lease_until", "send_expires_at",
)  # fmt: skip


def locked(order: Order) -> Order:
    """Brings `order` up to date and locks its row until the caller's transaction ends."""
    [row] = rows.select(Order, *_CHANGES, where="id = %s", params=[order.pk], lock=True)
    for name, value in zip(_CHANGES, row, strict=True):
        setattr(order, name, value)
    return order


def report(order: Order, found: OrderReport, *, now: datetime, base: str, via: str = "answer") -> Order:
    """Applies what the venue says. `base` is the symbol's base currency: fees in it lower the position.

    A fill counts once by its trade id. A report that is older than what is known changes nothing.
    """
    with transaction.atomic():
        order = locked(order)
        order.venue_order_id = found.venue_order_id or order.venue_order_id
        new = _new_fills(order, found.fills)
        for number, fill in enumerate(new):
            _book(order, fill, base=base, starts_entry=order.filled_quantity == 0 and number == 0)
        if new:
            _total(order, new)
        target = str(found.status)
        if target == order.status or target not in TRANSITIONS[order.status]:
            rows.update(order, "venue_order_id", "filled_quantity", "average_price")
            return order
        _move(order, target, now=now, code=found.code, message=found.message)
        step(order, target.lower(), at=now, detail=_said(order, found, via))
        _tell(order, now=now)
        wake.notify()
    return order


def unknown(order: Order, *, now: datetime, message: str, look_again_at: datetime) -> Order:
    """The venue may or may not have it: never sent again, asked after until it is known (X6)."""
    with transaction.atomic():
        order = locked(order)
        if order.status != Order.Status.UNKNOWN:
            _move(order, Order.Status.UNKNOWN, now=now, code="unknown", message=message)
            step(order, "unknown", at=now, detail=message)
            _tell(order, now=now)
        order.due_at, order.tries, order.claim_token, order.lease_until = look_again_at, order.tries + 1, "", None
        order.save(update_fields=["due_at", "tries", "claim_token", "lease_until"])
    return order


def not_sent(order: Order, *, now: datetime, message: str, due_at: datetime) -> Order:
    """Surely not at the venue: back to PENDING under the same id, or EXPIRED if an entry is too old by then."""
    with transaction.atomic():
        order = locked(order)
        if order.status == Order.Status.PENDING:
            target = order.status
        else:
            target = Order.Status.PENDING
            fsm.check(TRANSITIONS, current=order.status, target=target, what=f"order {order.client_order_id}")
        if order.intent == Order.Intent.OPEN and due_at > order.expires_at:
            order.status = Order.Status.PENDING
            return _finish(
                order, Order.Status.EXPIRED, now=now, code="stale", message=f"{message}; by then the signal is too old"
            )
        order.status, order.due_at, order.tries = target, due_at, order.tries + 1
        order.claim_token, order.lease_until, order.send_expires_at = "", None, None
        order.save(update_fields=["status", "due_at", "tries", "claim_token", "lease_until", "send_expires_at"])
        step(order, "not_sent", at=now, detail=message)
        if order.intent == Order.Intent.CLOSE and order.tries in (5, 20, 100):
            _stuck(order, now=now, message=message)
    return order


def finish(
    order: Order, status: str, *, now: datetime, code: str, message: str, steps: Iterable[tuple[str, str]] = ()
) -> Order:
    """Ends an order without a venue's report: rejected, canceled or expired before it was sent, or a dry run.

    Raises Conflict when the order has moved on meanwhile.
    """
    with transaction.atomic():
        order = locked(order)
        record(order, steps, at=now)
        return _finish(order, status, now=now, code=code, message=message)


def _finish(order: Order, status: str, *, now: datetime, code: str, message: str) -> Order:
    _move(order, status, now=now, code=code, message=message)
    step(order, status.lower(), at=now, detail=message)
    _tell(order, now=now)
    wake.notify()
    return order


_MOVED = (
    "status", "code", "message", "venue_order_id", "filled_quantity", "average_price",
    "finished_at", "claim_token", "lease_until",
)  # fmt: skip


def _move(order: Order, target: str, *, now: datetime, code: str, message: str) -> None:
    fsm.check(TRANSITIONS, current=order.status, target=target, what=f"order {order.client_order_id}")
    order.status, order.code, order.message = target, code[:40], message[:300]
    if target in FINAL:
        order.finished_at, order.claim_token, order.lease_until = now, "", None
    rows.update(order, *_MOVED)


def _new_fills(order: Order, fills: tuple[FillReport, ...]) -> list[FillReport]:
    """Stores those that are not there yet and returns them; the order's lock keeps others from doing the same."""
    if not fills:
        return []
    known = {
        trade_id
        for fill in fills
        for (trade_id,) in rows.select(
            Fill,
            "trade_id",
            where="account_id = %s AND symbol = %s AND trade_id = %s",
            params=[order.account_id, order.symbol, fill.trade_id],
        )
    }
    new = [fill for fill in fills if fill.trade_id not in known]
    for fill in new:
        rows.insert(
            Fill(
                order=order,
                account_id=order.account_id,
                trade_id=fill.trade_id,
                symbol=order.symbol,
                side=order.side,
                quantity=fill.quantity,
                price=fill.price,
                fee=fill.fee,
                fee_currency=fill.fee_currency,
                at=fill.at,
            )
        )
    return new


def _book(order: Order, fill: FillReport, *, base: str, starts_entry: bool) -> None:
    positions.book_fill(
        Trade(
            strategy_id=order.strategy_id,
            account_id=order.account_id,
            symbol=order.symbol,
            base=base,
            side=Side(order.side),
            position_side=Position.Side(order.position_side),
            quantity=fill.quantity,
            price=fill.price,
            fee=fill.fee,
            fee_currency=fill.fee_currency,
            at=fill.at,
            starts_entry=starts_entry and order.intent == Order.Intent.OPEN,
        )
    )


def _total(order: Order, new: list[FillReport]) -> None:
    before = order.filled_quantity * (order.average_price or ZERO)
    value = sum((fill.quantity * fill.price for fill in new), before)
    order.filled_quantity += sum((fill.quantity for fill in new), Decimal(0))
    order.average_price = EXACT.divide(value, order.filled_quantity)


def _said(order: Order, found: OrderReport, via: str) -> str:
    if found.fills:
        text = f"{money.plain(order.filled_quantity)} at {money.plain(order.average_price)}"
    else:
        text = found.message or found.code
    return text if via == "answer" else f"{text} ({via})".strip()


_EVENTS = {
    Order.Status.FILLED: ("order.filled", Level.INFO, "{verb} {filled} {symbol} at {price} on {account}"),
    Order.Status.REJECTED: (
        "order.rejected",
        Level.ERROR,
        "Order to {side} {quantity} {symbol} rejected on {account}: {message}",
    ),
    Order.Status.EXPIRED: (
        "order.expired",
        Level.WARNING,
        "Order to {side} {quantity} {symbol} expired on {account}: {message}",
    ),
    Order.Status.CANCELED: (
        "order.canceled",
        Level.WARNING,
        "Order to {side} {quantity} {symbol} canceled on {account}: {message}",
    ),
    Order.Status.UNKNOWN: (
        "order.unknown",
        Level.CRITICAL,
        "Nobody knows whether {account} took the order to {side} {quantity} {symbol}: its entries wait for the venue",
    ),
}


def _tell(order: Order, *, now: datetime) -> None:
    if order.status not in _EVENTS:
        return
    name, level, text = _EVENTS[Order.Status(order.status)]
    if order.mode == Order.Mode.DRY_RUN:
        name, level, text = "order.dry_run", Level.INFO, "Dry run on {account}: {message}"
    title = text.format(
        verb="Bought" if order.side == Side.BUY else "Sold",
        side=order.side,
        quantity=money.plain(order.quantity),
        filled=money.plain(order.filled_quantity),
        symbol=order.symbol,
        price=money.plain(order.average_price),
        account=order.account.slug,
        message=order.message,
    )
    _publish(order, name=name, level=level, title=title, now=now)


def _stuck(order: Order, *, now: datetime, message: str) -> None:
    title = f"The exit of {order.symbol} on {order.account.slug} is not through after {order.tries} tries: {message}"
    _publish(order, name="order.stuck", level=Level.CRITICAL, title=title, now=now)


def _publish(order: Order, *, name: str, level: Level, title: str, now: datetime) -> None:
    events.publish(
        Event(
            name=name,
            at=now,
            level=level,
            title=title,
            signal=order.signal.public_id if order.signal else "",
            strategy=order.strategy.slug,
            account=order.account.slug,
            symbol=order.symbol,
            request_id=order.request_id,
            body={
                "client_order_id": order.client_order_id,
                "status": order.status,
                "side": order.side,
                "quantity": money.plain(order.quantity),
                "filled_quantity": money.plain(order.filled_quantity),
                "average_price": money.plain(order.average_price),
                "code": order.code,
                "message": order.message,
            },
        )
    )
