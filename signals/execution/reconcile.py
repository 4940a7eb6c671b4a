"""What became of an order that nobody heard back about: ask the venue by client order id, never send blindly (X6, X7).

Candidates: UNKNOWN orders when they are due, and SUBMITTED ones whose worker is gone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from accounts.brokers import registry
from accounts.brokers.base import BrokerRejected, BrokerTemporary, BrokerUnknown
from signals.models import Order
from tradeops.core import clock, holder, logs

from . import apply, orders
from .claim import LEASE_SECONDS
from .lifecycle import UNSETTLED

logger = logs.get(__name__)
# "Not found" is final only this long after the venue refuses a late arrival.
GRACE = timedelta(seconds=2)


def due(*, now: datetime) -> list[Order]:
    """The orders to ask after now, oldest first."""
    rows = (
        Order.objects.filter(UNSETTLED)
        .exclude(status=Order.Status.PENDING)
        .select_related("account", "strategy", "signal")
    )
    return [row for row in rows.order_by("id")[:500] if _is_due(row, now)]


def _is_due(order: Order, now: datetime) -> bool:
    if order.due_at > now:
        return False
    if order.lease_until is None or order.lease_until <= now:
        return True
    return holder.of_this_process().died(order.claim_token)


def reconcile(order: Order) -> Order | None:
    """Asks the venue once and applies what it says. None = another process has taken it."""
    now = clock.now()
    if not _claim(order, now=now):
        return None
    log = logger.bind(request_id=order.request_id, client_order_id=order.client_order_id, account=order.account.slug)
    try:
        broker = registry.broker_for(order.account)
        instrument = broker.instrument(order.symbol)
        found = broker.fetch(order.client_order_id, symbol=order.symbol, now=now)
    except (BrokerTemporary, BrokerUnknown, BrokerRejected) as error:
        return apply.unknown(
            order,
            now=now,
            message=f"the venue does not tell: {error}",
            look_again_at=now + orders.backoff(order.tries),
        )
    if found is not None:
        log.info("order found at the venue", status=str(found.status))
        return apply.report(order, found, now=clock.now(), base=instrument.base, via="reconciled")
    expiry = order.send_expires_at
    if broker.capabilities.send_expiry and expiry is not None:
        if now > expiry + GRACE:
            log.info("order never reached the venue; it goes back to be sent")
            return apply.not_sent(order, now=now, message="the venue never had it (reconciled)", due_at=now)
        return _look_again(order, at=expiry + GRACE + timedelta(milliseconds=50))
    return apply.unknown(
        order,
        now=now,
        message="the venue does not know the order yet",
        look_again_at=now + orders.backoff(order.tries),
    )


def _claim(order: Order, *, now: datetime) -> bool:
    """Takes the order over from whoever held it; the old holder's writes no longer matter, the venue's word does."""
    token = holder.of_this_process().token()
    taken = Order.objects.filter(
        Q(lease_until=None) | Q(lease_until__lte=now) | Q(claim_token=order.claim_token),
        pk=order.pk,
        status=order.status,
        claim_token=order.claim_token,
    ).update(claim_token=token, lease_until=now + timedelta(seconds=LEASE_SECONDS))
    order.claim_token = token
    return bool(taken)


def _look_again(order: Order, *, at: datetime) -> Order:
    Order.objects.filter(pk=order.pk, claim_token=order.claim_token).update(due_at=at, claim_token="", lease_until=None)
    order.refresh_from_db()
    return order
