"""Work items and their lanes: who may work on what now, and what happens when it fails."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min, Q

from signals.execution import claim as sends
from signals.execution import reconcile
from signals.execution.lifecycle import IN_FLIGHT, UNSETTLED
from signals.models import Order, Signal, WorkItem
from tradeops.core import events, holder, literal
from tradeops.core.events import Event, Level

from . import route

# The condition of the partial index `signals_workitem_waiting`.
WAITING = literal.equal("state", WorkItem.State.WAITING.value)
LEASE_SECONDS = 30
MAX_TRIES = 5


def waiting(*, now: datetime) -> bool:
    """Whether a drain would find something to do that nobody else is doing."""
    return bool(
        route.unrouted() or _claimable(now=now, limit=1) or sends.sendable(now=now, limit=1) or reconcile.due(now=now)
    )


def claim(*, now: datetime) -> WorkItem | None:
    """The next item of a free lane, leased to this process; never one whose lane has an order in flight."""
    for item in _claimable(now=now, limit=20):
        token = holder.of_this_process().token()
        taken = WorkItem.objects.filter(pk=item.pk, state=WorkItem.State.WAITING, claim_token=item.claim_token).update(
            claim_token=token, lease_until=now + timedelta(seconds=LEASE_SECONDS), tries=item.tries + 1
        )
        if taken:
            item.claim_token, item.tries = token, item.tries + 1
            return item
    return None


def _claimable(*, now: datetime, limit: int) -> list[WorkItem]:
    heads = WorkItem.objects.filter(WAITING).order_by().values("lane").annotate(head=Min("id")).values("head")
    rows = list(WorkItem.objects.filter(pk__in=heads, due_at__lte=now).order_by("id"))
    if not rows:
        return []
    busy = _lanes_in_flight()
    free = (row for row in rows if row.lane not in busy and _unleased(row, now))
    return [row for row, _ in zip(free, range(limit), strict=False)]


def _unleased(item: WorkItem, now: datetime) -> bool:
    if item.lease_until is None or item.lease_until <= now:
        return True
    return holder.of_this_process().died(item.claim_token)


def _lanes_in_flight() -> set[str]:
    """Lanes with an order that is not at rest: the next signal would decide on a position that is about to change."""
    rows = Order.objects.filter(UNSETTLED, status__in=IN_FLIGHT).values_list("strategy__slug", "symbol").distinct()
    return {f"{slug}:{symbol}" for slug, symbol in rows}


def finish(item: WorkItem) -> bool:
    """Marks it done, first thing in the transaction that decides it; False if another worker has taken it over."""
    mine = WorkItem.objects.filter(pk=item.pk, claim_token=item.claim_token, state=WorkItem.State.WAITING)
    return bool(mine.update(state=WorkItem.State.DONE, claim_token="", lease_until=None))


def failed(item: WorkItem, error: Exception, *, now: datetime) -> None:
    """Tries again with a growing pause; after the last try the signal is FAILED and somebody is called."""
    text = f"{type(error).__name__}: {error}"[:300]
    mine = WorkItem.objects.filter(Q(claim_token=item.claim_token), pk=item.pk)
    if item.tries < MAX_TRIES:
        wait = timedelta(seconds=2 ** (item.tries - 1))
        mine.update(error=text, due_at=now + wait, claim_token="", lease_until=None)
        return
    with transaction.atomic():
        if not mine.update(state=WorkItem.State.FAILED, error=text, claim_token="", lease_until=None):
            return
        signal = item.signal
        Signal.objects.filter(pk=signal.pk).update(status=Signal.Status.FAILED, decided_at=now, note=text)
        events.publish(
            Event(
                name="signal.failed",
                at=now,
                level=Level.CRITICAL,
                title=f"{signal.action} {signal.symbol} could not be decided for {item.strategy.slug}: {text}",
                signal=signal.public_id,
                strategy=item.strategy.slug,
                symbol=signal.symbol,
                request_id=signal.request_id,
                body={"error": text, "tries": item.tries},
            )
        )
