"""How long nobody has known what became of an order: people are told once, and once more when it is over (N2)."""

from __future__ import annotations

from datetime import datetime, timedelta

from signals.models import Order, OrderStep

from . import orders, tell

# Long enough for a venue that shows orders late, and for a worker's lease that has to run out first (X6).
PATIENCE = timedelta(seconds=30)
FROZEN, RESOLVED = "frozen", "resolved"


def look_again(order: Order, *, at: datetime, now: datetime) -> datetime:
    """Not beyond the moment at which people are to be told."""
    since = order.unknown_since
    told_at = None if since is None else since + PATIENCE
    return min(at, told_at) if told_at is not None and now < told_at else at


def tell_if_frozen(order: Order, *, now: datetime, message: str) -> None:
    since = order.unknown_since
    if since is None or now - since < PATIENCE or _told(order):
        return
    orders.step(order, FROZEN, at=now, detail=f"entries wait; {message}")
    tell.frozen(order, now=now, seconds=round((now - since).total_seconds()))


def tell_if_resolved(order: Order, *, now: datetime) -> None:
    """Only where somebody was told of the doubt."""
    if _told(order):
        orders.step(order, RESOLVED, at=now, detail=order.status)
        tell.resolved(order, now=now)


def _told(order: Order) -> bool:
    """The last of the two words was that it is frozen."""
    last = OrderStep.objects.filter(order=order, step__in=[FROZEN, RESOLVED]).order_by("-id").first()
    return last is not None and last.step == FROZEN
