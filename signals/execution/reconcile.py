"""What became of an order that nobody heard back about: ask the venue by client order id, never send blindly (X6, X7).

Candidates: UNKNOWN orders when they are due, and SUBMITTED ones whose worker is gone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from accounts.brokers import registry
from accounts.brokers.base import Broker, BrokerError, BrokerTemporary
from signals.models import Order
from tradeops.core import clock, failpoints, holder, logs, rows, wake
from tradeops.core.errors import ConfigurationError, Conflict

from . import answers, apply, claim, orders, request
from .lifecycle import FINAL

logger = logs.get(__name__)
# "Not found" is final only this long after the venue refuses a late arrival: venues show what they took 3 s late.
GRACE = timedelta(seconds=4)
# OKX's expTime does not hold for algo orders: what is on its way may still arrive, though a second one is refused.
GRACE_OF_TRIGGERED = timedelta(seconds=15)
# Without an expiry: how long after the death of its sender an order may still come up.
GRACE_OF_THE_DEAD = timedelta(seconds=10)
_TRIGGERED = ("stop", "stop_limit", "trailing_stop")


def due(*, now: datetime) -> list[Order]:
    """The orders to ask after now, oldest first."""
    found = rows.select(
        Order,
        *("id", "due_at", "lease_until", "claim_token"),
        where="status IN ('PENDING', 'SUBMITTED', 'UNKNOWN') AND status <> 'PENDING' ORDER BY id LIMIT 500",
    )
    return claim.loaded([pk for pk, due_at, until, token in found if due_at <= now and is_free(until, token, now=now)])


def is_free(lease_until: datetime | None, token: str, *, now: datetime) -> bool:
    """Whether nobody is at it: its lease is over, or whoever has it is known to be dead."""
    if lease_until is None or lease_until <= now:
        return True
    return holder.of_this_process().died(token)


def reconcile(order: Order) -> Order | None:
    """Asks the venue once and applies what it says. None = another process has taken it."""
    now = clock.now()
    if not _claim(order, now=now):
        return None
    failpoints.reached("reconcile.after_claim")
    broker: Broker | None = None
    try:
        broker = registry.broker_for(order.account)
        base = request.fee_base(order, broker.instrument(order.symbol))
        found = broker.fetch(order.client_order_id, symbol=order.symbol, now=now)
    except BrokerError as error:
        answer = None if broker is None else answers.heard(broker, "fetch", now, error)
        return _no_answer(order, error, answer=answer)
    except ConfigurationError as error:
        return _no_answer(order, error)
    failpoints.reached("reconcile.after_fetch")
    if found is None:
        return _not_found(order, broker, asked_at=now)
    logger.info("order found at the venue", client_order_id=order.client_order_id, status=str(found.status))
    answer = answers.heard(broker, "fetch", now, found)
    return apply.report(order, found, now=clock.now(), base=base, via="reconciled", answer=answer)


def _no_answer(order: Order, error: BrokerError | ConfigurationError, *, answer: answers.Answer | None = None) -> Order:
    now = clock.now()
    wait = _backoff(order)
    if isinstance(error, BrokerTemporary):
        wait = max(wait, timedelta(seconds=error.retry_after))
    message = f"the venue does not tell: {error}"
    code = getattr(error, "venue_code", "")
    return apply.unknown(order, now=now, message=message, look_again_at=now + wait, venue_code=code, answer=answer)


def _backoff(order: Order) -> timedelta:
    """Quick at first, since a lane waits; never slower than each 10 s while the doubt is new."""
    wait = orders.backoff(order.tries) / 2
    return min(wait, timedelta(seconds=5)) if order.tries < 20 else min(wait * 2, timedelta(seconds=30))


def _not_found(order: Order, broker: Broker, *, asked_at: datetime) -> Order:
    """The venue does not know it (yet). Whether that is the last word depends on what could still arrive."""
    final_at = _final_at(order, broker, now=asked_at)
    if final_at is not None and asked_at > final_at:
        logger.info("order never reached the venue; it goes back", client_order_id=order.client_order_id)
        failpoints.reached("reconcile.before_resend")
        now = clock.now()
        return apply.not_sent(order, now=now, message="the venue never had it (reconciled)", due_at=now)
    now = clock.now()
    at = now + _backoff(order)
    if final_at is not None:
        at = min(at, final_at + timedelta(milliseconds=50)) if now < final_at else at
    return apply.unknown(order, now=now, message="the venue does not know the order yet", look_again_at=at)


def _final_at(order: Order, broker: Broker, *, now: datetime) -> datetime | None:
    """From when on "not found" is proof; None = not as things are."""
    if broker.capabilities.send_expiry:
        grace = GRACE_OF_TRIGGERED if order.type in _TRIGGERED else GRACE
        return None if order.send_expires_at is None else order.send_expires_at + grace
    # Without an expiry the order may arrive for as long as somebody lives who may be about to send it.
    gone_at = _sender_gone_at(order, now=now)
    return None if gone_at is None else gone_at + GRACE_OF_THE_DEAD


def _sender_gone_at(order: Order, *, now: datetime) -> datetime | None:
    """When its sender was first seen to be dead; None while that may live, or has itself waited for an answer."""
    if order.sender_gone_at is not None:
        return order.sender_gone_at
    if not holder.of_this_process().died(order.sender_token):
        return None
    with transaction.atomic():
        if apply.held(order) and order.sender_gone_at is None:
            order.sender_gone_at = now
            rows.update(order, "sender_gone_at")
            orders.step(order, "sender_gone", at=now, detail="the process that sent it has ended")
    return order.sender_gone_at


def _claim(order: Order, *, now: datetime) -> bool:
    """Takes the order over from whoever held it; the old holder's writes no longer matter, the venue's word does."""
    token = holder.of_this_process().token()
    taken = Order.objects.filter(
        Q(lease_until=None) | Q(lease_until__lte=now) | Q(claim_token=order.claim_token),
        pk=order.pk,
        status=order.status,
        claim_token=order.claim_token,
    ).update(claim_token=token, lease_until=now + timedelta(seconds=claim.LEASE_SECONDS))
    order.claim_token = token
    return bool(taken)


def now(order: Order, *, by: str = "", at: datetime | None = None) -> Order:
    """Has the order asked after at once, by a process that may: whoever wants it needs neither keys nor network.

    Raises Conflict when there is nothing to ask: it was not sent yet, or is final.
    """
    at = at or clock.now()
    with transaction.atomic():
        order = apply.locked(order)
        if order.status in FINAL or order.status == Order.Status.PENDING:
            raise Conflict(f"order {order.client_order_id} is {order.status}: there is nothing to ask the venue")
        order.due_at = at
        rows.update(order, "due_at")
        orders.step(order, "asked_after", at=at, detail=f"by {by}" if by else "")
        wake.notify()
    return order


def never_arrived(order: Order, *, by: str, reason: str, at: datetime | None = None) -> Order:
    """A person's word that the venue never had an UNKNOWN order: it is sent again under its id, or ends if too old.

    Raises Conflict when the order is not UNKNOWN.
    """
    at = at or clock.now()
    with transaction.atomic():
        order = apply.locked(order)
        if order.status != Order.Status.UNKNOWN:
            raise Conflict(f"order {order.client_order_id} is {order.status}, not UNKNOWN")
        said = f"{by} says that it never arrived: {reason}"
        orders.step(order, "never_arrived", at=at, detail=said)
        order = apply.not_sent(order, now=at, message=said, due_at=at)
        wake.notify()
    return order
