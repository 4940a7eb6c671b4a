"""Taking an order back: the wish is written at once, whoever has it; a process with credentials carries it out."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from accounts.brokers import registry
from accounts.brokers.base import Broker, BrokerError, BrokerRejected, BrokerTemporary, OrderReport
from signals.models import Order
from tradeops.core import clock, failpoints, logs, rows, wake
from tradeops.core.errors import ConfigurationError, Conflict

from . import answers, apply, orders, request, tell, vanished
from .lifecycle import FINAL, RESTING

logger = logs.get(__name__)


def ask(order: Order, *, reason: str, now: datetime, by: str = "") -> Order:
    """Wants the order gone. What was never sent ends here; what may be at the venue is cancelled there soon.

    No network. `reason` is a sentence for people, `by` who asked. Asking again changes nothing. Raises Conflict when
    the order is final.
    """
    with transaction.atomic():
        order = apply.locked(order)
        if order.status in FINAL:
            raise Conflict(f"order {order.client_order_id} is {order.status}: there is nothing to cancel")
        if order.cancel_asked_at is not None:
            return order
        said = f"{reason} ({by})" if by else reason
        order.cancel_asked_at, order.cancel_reason = now, said[:120]
        if order.status in RESTING:
            order.due_at, order.tries = now, 0
        rows.update(order, "cancel_asked_at", "cancel_reason", "due_at", "tries")
        orders.step(order, "cancel_asked", at=now, detail=said)
        if order.status == Order.Status.PENDING:
            order = apply.finish(order, Order.Status.CANCELED, now=now, code="canceled", message=said)
        wake.notify()
    failpoints.reached("cancel.after_ask")
    return order


def send(order: Order, *, now: datetime) -> Order:
    """Cancels at the venue, and applies what it says then. Asking again is safe, so whatever goes wrong is repeated.

    Also for an order that is final here and rests at the venue all the same.
    """
    began = clock.now()
    try:
        broker = registry.broker_for(order.account)
        base = request.fee_base_at(broker, order)
        failpoints.reached("cancel.before_send")
        try:
            found = broker.cancel(order.client_order_id, symbol=order.symbol, now=began)
        except BrokerRejected as error:
            if not vanished.unlisted(error):
                raise
            return vanished.with_its_instrument(order, error, resting=broker.open_orders(), now=clock.now())
        failpoints.reached("cancel.after_send")
    except (BrokerError, ConfigurationError) as error:
        return _later(order, error)
    if found is None:
        return vanished.is_it(order, now=clock.now())
    return apply.report(
        order, found, now=clock.now(), base=base, via="cancel", answer=_answer(order, broker, began, found)
    )


def _answer(order: Order, broker: Broker, began: datetime, found: OrderReport) -> answers.Answer | None:
    """Kept when it says something: a cancel that is still under way is asked for again and again."""
    return answers.heard(broker, "cancel", began, found) if found.status.value != order.status else None


def _later(order: Order, error: BrokerError | ConfigurationError) -> Order:
    now = clock.now()
    asked = timedelta(seconds=error.retry_after) if isinstance(error, BrokerTemporary) else timedelta()
    due_at = now + max(orders.backoff(order.tries), asked)
    with transaction.atomic():
        order = apply.locked(order)
        if order.status not in RESTING:
            return order
        order.due_at, order.tries = due_at, order.tries + 1
        rows.update(order, "due_at", "tries")
        if order.tries in (1, 5, 20, 100):
            orders.step(order, "cancel_failed", at=now, detail=f"try {order.tries}: {error}")
        if order.tries in (5, 20, 100) or (isinstance(error, BrokerRejected) and order.tries == 1):
            tell.cancel_stuck(order, now=now, message=str(error))
    return order
