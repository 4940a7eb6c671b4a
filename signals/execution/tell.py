"""What is said of an order's life, in the transaction that changes it (N1, N2)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from signals.models import Order
from tradeops.core import events, money
from tradeops.core.events import Event, Level
from tradeops.core.money import Side

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
        "Order to {side} {quantity} {symbol} expired on {account}{part}: {message}",
    ),
    Order.Status.CANCELED: (
        "order.canceled",
        Level.WARNING,
        "Order to {side} {quantity} {symbol} canceled on {account}{part}: {message}",
    ),
    Order.Status.UNKNOWN: (
        "order.unknown",
        Level.WARNING,
        "Nobody knows yet whether {account} took the order to {side} {quantity} {symbol}: its entries wait",
    ),
}


def of_status(order: Order, *, now: datetime) -> None:
    if order.status not in _EVENTS:
        return
    name, level, text = _EVENTS[Order.Status(order.status)]
    if order.mode == Order.Mode.DRY_RUN:
        name, level, text = "order.dry_run", Level.INFO, "Dry run on {account}: {message}"
    elif order.status == Order.Status.CANCELED and order.cancel_asked_at is not None:
        level = Level.INFO  # we wanted it
    title = text.format(
        verb="Bought" if order.side == Side.BUY else "Sold",
        side=order.side,
        quantity=money.plain(order.quantity),
        filled=money.plain(order.filled_quantity),
        part=f" with {money.plain(order.filled_quantity)} filled" if order.filled_quantity else "",
        symbol=order.symbol,
        price=money.plain(order.average_price),
        account=order.account.slug,
        message=order.message,
    )
    _publish(order, name=name, level=level, title=title, now=now)


def stuck(order: Order, *, now: datetime, message: str) -> None:
    """An exit that does not get through needs a person (D3)."""
    title = f"The exit of {order.symbol} on {order.account.slug} is not through: {message}"
    _publish(order, name="order.stuck", level=Level.CRITICAL, title=title, now=now)


def cancel_stuck(order: Order, *, now: datetime, message: str) -> None:
    title = f"The order to {order.side} {order.symbol} on {order.account.slug} cannot be cancelled: {message}"
    _publish(order, name="order.stuck", level=Level.CRITICAL, title=title, now=now)


def beyond(order: Order, quantity: Decimal, *, now: datetime) -> None:
    """Where long and short are held side by side, the venue has taken the rest off somebody else's position."""
    title = (
        f"The exit of {order.symbol} on {order.account.slug} closed {money.plain(quantity)} more than"
        f" {order.strategy.slug} still held, as something else had closed it meanwhile: it is counted as external;"
        " see whose position it was"
    )
    _publish(order, name="order.beyond", level=Level.ERROR, title=title, now=now)


def frozen(order: Order, *, now: datetime, seconds: int) -> None:
    title = (
        f"{order.account.slug} has not told for {seconds} s what became of the order to {order.side}"
        f" {money.plain(order.quantity)} {order.symbol}: no entries there until it does, or a person decides"
    )
    _publish(order, name="order.frozen", level=Level.CRITICAL, title=title, now=now)


def resolved(order: Order, *, now: datetime) -> None:
    title = (
        f"The order to {order.side} {money.plain(order.quantity)} {order.symbol} on {order.account.slug} is known"
        f" again: {order.status}"
    )
    _publish(order, name="order.resolved", level=Level.WARNING, title=title, now=now)


def _publish(order: Order, *, name: str, level: Level, title: str, now: datetime) -> None:
    events.publish(
        Event(
            name=name,
            at=now,
            level=level,
            title=title[:300],
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
                "venue_code": order.venue_code,
                "message": order.message,
            },
        )
    )
