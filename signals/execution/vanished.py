"""A resting order that the venue no longer shows: not at once believed, but not kept up for ever either."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from accounts.brokers.base import BrokerError, BrokerRejected, OrderReport, Rejection
from signals.models import Order, OrderStep
from tradeops.core.errors import Conflict

from . import apply, orders
from .lifecycle import RESTING

# Venues show orders seconds late, and forget cancelled ones that never traded (OKX after two hours).
AFTER = timedelta(seconds=30)
# A venue's list of instruments may come short once, for all orders at a time. Adapters read it again after a minute.
LISTED_AGAIN = timedelta(seconds=90)
AFRESH = timedelta(minutes=10)
ASKED_EACH = timedelta(seconds=30)


def is_it(order: Order, *, now: datetime) -> Order:
    """The venue has just said that it does not know the order, neither among the open ones nor in its history."""
    if order.status not in RESTING:
        return order
    if now - (order.sent_at or now) < AFTER:
        return apply.look_again(order, at=orders.next_poll(order, now=now))
    try:
        return apply.finish(
            order,
            Order.Status.CANCELED,
            now=now,
            code="gone",
            message="the venue no longer knows the order: it was cancelled there",
        )
    except Conflict:
        return order


def unlisted(error: BaseException) -> bool:
    """Whether the venue says that it has no such instrument (any more), whatever it was asked about the order."""
    return isinstance(error, BrokerRejected) and error.code == Rejection.UNKNOWN_INSTRUMENT


def with_its_instrument(order: Order, error: BrokerError, *, resting: Iterable[OrderReport], now: datetime) -> Order:
    """The venue has just said (`error`) that it does not list the instrument, and what rests there of the account.

    Believed when it has said so for a while. Raises `error` when the order is among those that rest: as in a market
    that is halted, it is then not gone.
    """
    if any(each.client_order_id == order.client_order_id for each in resting):
        raise error
    if order.status not in RESTING:
        return order
    said = OrderStep.objects.filter(order=order, step="unlisted", at__gt=now - AFRESH).order_by("at").first()
    if said is not None and now - said.at >= LISTED_AGAIN:
        return is_it(order, now=now)
    if said is None:
        orders.step(order, "unlisted", at=now, detail=str(error))
    return apply.look_again(order, at=now + ASKED_EACH)
