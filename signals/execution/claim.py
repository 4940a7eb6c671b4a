"""Which orders may be sent now, and the transaction that claims one send.

Within one account, orders of one symbol go one at a time, exits first; an order in an unknown state holds back
entries of its account and symbol, never exits (X5, X6).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from signals.models import Order
from signals.risk import switch
from signals.risk.switch import Switches
from tradeops.core import holder, rows

from . import apply, orders
from .lifecycle import UNSETTLED

# The venue is told to refuse the order after this; the lease outlasts it, so that nobody asks too early.
SEND_SECONDS = 5
LEASE_SECONDS = 12


def sendable(*, now: datetime, limit: int = 50) -> list[Order]:
    """PENDING orders that are due and first in their lane (account, symbol), exits before entries."""
    unsettled = Order.objects.filter(UNSETTLED).select_related("account", "strategy", "signal").order_by("id")
    heads: dict[tuple[int, str], Order] = {}
    blocked: set[tuple[int, str]] = set()
    frozen: set[tuple[int, str]] = set()
    for row in unsettled[:2000]:
        lane = (row.account_id, row.symbol)
        if row.status == Order.Status.SUBMITTED:
            blocked.add(lane)
        elif row.status == Order.Status.UNKNOWN:
            frozen.add(lane)
        elif lane not in heads or (_is_exit(row) and not _is_exit(heads[lane])):
            heads[lane] = row
    return [
        row
        for lane, row in heads.items()
        if lane not in blocked and (_is_exit(row) or lane not in frozen) and row.due_at <= now
    ][:limit]


def _is_exit(order: Order) -> bool:
    return order.intent == Order.Intent.CLOSE


def claim(order: Order, *, quantity: Decimal, steps: Iterable[tuple[str, str]], now: datetime) -> Order | None:
    """PENDING → SUBMITTED for exactly one caller, or None.

    The kill switch and the age are read here, in the transaction that claims the send, never from a cache (D5).
    """
    with transaction.atomic():
        # Serialises the claims of one account, so that two workers never send side by side in one lane.
        switches = switch.lock(strategies=[], accounts=[order.account.slug])
        if not _may_go(order, now=now):
            return None
        refusal = _refusal(order, switches, now=now)
        if refusal is not None:
            status, code, message = refusal
            apply.finish(order, status, now=now, code=code, message=message)
            return None
        order.status = Order.Status.SUBMITTED
        order.claim_token = holder.of_this_process().token()
        order.lease_until = now + timedelta(seconds=LEASE_SECONDS)
        order.send_expires_at = now + timedelta(seconds=SEND_SECONDS)
        order.sent_at = now
        order.sent_quantity = quantity
        rows.update(order, "status", "claim_token", "lease_until", "send_expires_at", "sent_at", "sent_quantity")
        orders.record(order, [*steps, ("sent", f"to {order.account.broker}")], at=now)
    return order


def _may_go(order: Order, *, now: datetime) -> bool:
    """Still PENDING and due, and nothing of its lane is under way or, for an entry, in doubt."""
    lane = rows.select(
        Order,
        "id",
        "status",
        "due_at",
        where="status IN ('PENDING', 'SUBMITTED', 'UNKNOWN') AND account_id = %s AND symbol = %s",
        params=[order.account_id, order.symbol],
    )
    states = {pk: (status, due_at) for pk, status, due_at in lane}
    status, due_at = states.pop(order.pk, (None, now))
    others = {status for status, _ in states.values()}
    if status != Order.Status.PENDING or due_at > now or Order.Status.SUBMITTED in others:
        return False
    return _is_exit(order) or Order.Status.UNKNOWN not in others


def _refusal(order: Order, switches: Switches, *, now: datetime) -> tuple[str, str, str] | None:
    """Why this order must not be sent any more: (status, code, sentence); None = send it."""
    account = order.account
    if settings.TRADING != "live" and not account.is_paper and not account.sandbox:
        return (
            Order.Status.REJECTED,
            "not_armed",
            f"{account.slug} is a real account and TRADEOPS_TRADING is not live",
        )
    if _is_exit(order):
        return None
    if now > order.expires_at:
        return Order.Status.EXPIRED, "stale", "the signal became too old before the order could be sent"
    on = switches.stopping(strategy=order.strategy.slug, account=account.slug)
    if on:
        return Order.Status.CANCELED, "kill_switch", f"the kill switch is on ({', '.join(on)})"
    return None
