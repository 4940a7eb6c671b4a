"""What is said of exits, in the transaction that decides them (N1, N2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from accounts.brokers.base import Quote
from signals.models import Order
from tradeops.core import events, money
from tradeops.core.events import Event, Level
from tradeops.core.money import OrderType

from .state import State


def _name(found: State) -> str:
    row = found.position
    return f"{row.strategy.slug}'s {row.side} {money.plain(row.quantity)} {row.symbol} on {row.account.slug}"


def leaving(found: State, made: Sequence[Order], quote: Quote | None, *, now: datetime) -> None:
    for order in made:
        if order.type == OrderType.MARKET:
            reason = order.origin_id.partition(":")[0]
            price = "" if quote is None else f" at bid {money.plain(quote.bid)}, ask {money.plain(quote.ask)}"
            said = (
                f"{reason.replace('_', ' ').capitalize()} of {_name(found)}: {order.side} {money.plain(order.quantity)}"
            )
            _publish(found, "position.exit", Level.INFO, f"{said}{price}", now=now, reason=reason,
                     client_order_id=order.client_order_id)  # fmt: skip


def unprotected(found: State, why: str, *, now: datetime) -> None:
    title = f"{_name(found)} is UNPROTECTED: it is meant to have a stop at {money.plain(found.plan.stop_price)}: {why}"
    _publish(found, "position.unprotected", Level.CRITICAL, title, now=now, reason=why)


def protected(found: State, *, now: datetime) -> None:
    _publish(found, "position.protected", Level.INFO, f"{_name(found)} has its stop again", now=now)


def _publish(found: State, name: str, level: Level, title: str, *, now: datetime, **body: str) -> None:
    row = found.position
    events.publish(
        Event(
            name=name,
            at=now,
            level=level,
            title=title[:300],
            strategy=row.strategy.slug,
            account=row.account.slug,
            symbol=row.symbol,
            body={
                "side": row.side,
                "quantity": money.plain(row.quantity),
                "stop_price": money.plain(found.plan.stop_price),
                **body,
            },
        )
    )
