"""The next attempt of an exit that has ended without having closed its position (D3, X4, X6).

Only after a final word, so that two are never under way; under a new id, since the venue is done with the old one;
a few times, and then a person is called.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from accounts.brokers.base import Rejection
from signals.models import Order, Position
from tradeops.core import rows
from tradeops.core.money import ZERO, OrderType

from . import orders, tell

WAITS = (timedelta(seconds=1), timedelta(seconds=5), timedelta(seconds=20))
# Trying again changes nothing: a person has to.
_HOPELESS = frozenset(
    {
        Rejection.NOTHING_TO_REDUCE.value,
        Rejection.UNKNOWN_INSTRUMENT.value,
        Rejection.UNSUPPORTED.value,
        Rejection.NO_CREDENTIALS.value,
        "not_armed",
        "configuration",
    }
)
# The price or the type was the matter: out of the position at what the market gives.
_AT_MARKET = frozenset({Rejection.BAD_PRICE.value, Rejection.WOULD_TAKE.value})


def after(order: Order, *, now: datetime) -> None:
    """In the transaction that ended it."""
    if order.status == Order.Status.FILLED and order.code != orders.IN_PARTS:
        return
    if order.mode == Order.Mode.DRY_RUN or order.cancel_asked_at is not None:
        return
    rest = min(order.quantity - order.filled_quantity, held(order))
    if rest <= 0 and (order.code != Rejection.NOTHING_TO_REDUCE or is_needless(order)):
        return
    if order.code == Rejection.BELOW_MINIMUM:
        return  # dust is shown, not tried again (P2)
    if order.code in _HOPELESS or (order.attempt >= len(WAITS) and order.code != orders.IN_PARTS):
        tell.stuck(order, now=now, message=order.message or order.status.lower())
        return
    if not Order.objects.filter(**_place(order), attempt__gt=order.attempt).exists():
        orders.store([_next(order, rest, now=now)], why=f"after {order.client_order_id} was {order.status}")


def held(order: Order) -> Decimal:
    """What the position has that the order is to reduce, in base units."""
    found = rows.select(
        Position,
        "quantity",
        where="strategy_id = %s AND account_id = %s AND symbol = %s AND side = %s",
        params=[order.strategy_id, order.account_id, order.symbol, order.position_side],
    )
    return found[0][0] if found else ZERO


def is_needless(order: Order) -> bool:
    """Whether our books have nothing that this exit could close, nor an entry that may have opened something unheard.

    An exit of a plan, and one that has waited for the doubt, need not ask for such entries: what they open gets a plan.
    """
    seen_to = order.origin == Order.Origin.EXIT or order.code == orders.AFTER_DOUBT
    # In this order: what an entry has opened by the time that it is settled is in the books.
    return (seen_to or not _is_entry_unheard(order)) and held(order) <= 0


def _is_entry_unheard(order: Order) -> bool:
    where = "status IN ('PENDING', 'SUBMITTED', 'UNKNOWN') AND status <> 'PENDING' AND account_id = %s AND symbol = %s"
    found = rows.select(
        Order, "intent", "strategy_id", "position_side", where=where, params=[order.account_id, order.symbol]
    )
    return (Order.Intent.OPEN, order.strategy_id, order.position_side) in found


def _place(order: Order) -> dict[str, object]:
    """What the attempts of one order have in common."""
    return {
        "origin": order.origin,
        "origin_id": order.origin_id,
        "strategy_id": order.strategy_id,
        "account_id": order.account_id,
        "leg": order.leg,
    }


def _next(order: Order, quantity: Decimal, *, now: datetime) -> Order:
    attempt = order.attempt + 1
    kind = OrderType.MARKET.value if order.code in _AT_MARKET else order.type
    return Order(
        client_order_id=orders.client_order_id(
            origin=order.origin,
            origin_id=order.origin_id,
            strategy=order.strategy.slug,
            account=order.account.slug,
            leg=order.leg,
            attempt=attempt,
        ),
        origin=order.origin,
        origin_id=order.origin_id,
        attempt=attempt,
        leg=order.leg,
        signal=order.signal,
        decision=order.decision,
        strategy=order.strategy,
        account=order.account,
        mode=order.mode,
        symbol=order.symbol,
        side=order.side,
        position_side=order.position_side,
        intent=order.intent,
        type=kind,
        quantity=quantity,
        price=None if kind == OrderType.MARKET else order.price,
        stop_price=None if kind == OrderType.MARKET else order.stop_price,
        trailing=None if kind == OrderType.MARKET else order.trailing,
        time_in_force="gtc" if kind == OrderType.MARKET else order.time_in_force,
        post_only=kind != OrderType.MARKET and order.post_only,
        margin_mode=order.margin_mode,
        quote=order.quote,
        request_id=order.request_id,
        created_at=now,
        due_at=now if order.code == orders.IN_PARTS else now + WAITS[order.attempt],
        expires_at=order.expires_at,
    )
