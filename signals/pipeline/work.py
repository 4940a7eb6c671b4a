"""Work items and their lanes: who may work on what now, and what happens when it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from signals.execution import claim as sends
from signals.execution import reconcile
from signals.models import Signal, WorkItem
from tradeops.core import events, holder, rows
from tradeops.core.events import Event, Level

from . import route

# What `claim` and `finish` need; "state = 'waiting'" is written out below as in the partial index
# `signals_workitem_waiting`, or SQLite would not use it.
_READ = ("signal_id", "strategy_id", "lane", "state", "due_at", "tries", "claim_token", "lease_until")
LEASE_SECONDS = 30
PATIENCE = timedelta(seconds=0.1)
MAX_TRIES = 5


@dataclass(frozen=True)
class There:
    """What there is to look at: signals past the router's cursor, items that wait, orders not at rest."""

    signals: bool
    items: bool
    orders: bool


def there() -> There:
    """One statement, since it is asked at every turn, and mostly there is nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS({route.UNROUTED}),"  # noqa: S608
            " EXISTS(SELECT 1 FROM signals_workitem WHERE state = 'waiting'),"
            " EXISTS(SELECT 1 FROM signals_order WHERE status IN ('PENDING', 'SUBMITTED', 'UNKNOWN'))",
            [route.CURSOR],
        )
        return There(*map(bool, cursor.fetchone()))


def waiting(*, now: datetime) -> bool:
    """Whether a drain would find something to do that nobody else is doing."""
    found = there()
    return found.signals or _due(found, now=now)


def overdue(*, now: datetime) -> bool:
    """Whether something waits for longer than one drain at work would leave it: a second one helps then."""
    found, since = there(), now - PATIENCE
    return (found.signals and route.left_alone(since=since)) or _due(found, now=since)


def _due(found: There, *, now: datetime) -> bool:
    return bool(
        (found.items and _claimable(now=now, limit=1))
        or (found.orders and (sends.sendable(now=now, limit=1) or reconcile.due(now=now)))
    )


def claim(*, now: datetime) -> WorkItem | None:
    """The next item of a free lane, leased to this process; never one whose lane has an order in flight."""
    for item in _claimable(now=now, limit=20):
        token = holder.of_this_process().token()
        until = connection.ops.adapt_datetimefield_value(now + timedelta(seconds=LEASE_SECONDS))
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE signals_workitem SET claim_token = %s, lease_until = %s, tries = %s"
                " WHERE id = %s AND state = 'waiting' AND claim_token = %s",
                [token, until, item.tries + 1, item.pk, item.claim_token],
            )
            taken = cursor.rowcount
        if taken:
            item.claim_token, item.tries = token, item.tries + 1
            return item
    return None


def _claimable(*, now: datetime, limit: int) -> list[WorkItem]:
    at = connection.ops.adapt_datetimefield_value(now)
    found = rows.fetch(
        WorkItem,
        *_READ,
        where="id IN (SELECT MIN(id) FROM signals_workitem WHERE state = 'waiting' GROUP BY lane)"
        " AND due_at <= %s ORDER BY id",
        params=[at],
    )
    if not found:
        return []
    busy = _lanes_in_flight()
    free = (row for row in found if row.lane not in busy and _unleased(row, now))
    return [row for row, _ in zip(free, range(limit), strict=False)]


def _unleased(item: WorkItem, now: datetime) -> bool:
    if item.lease_until is None or item.lease_until <= now:
        return True
    return holder.of_this_process().died(item.claim_token)


def _lanes_in_flight() -> set[str]:
    """Lanes with an order that is not at rest: the next signal would decide on a position that is about to change."""
    with connection.cursor() as cursor:
        # In flight (PENDING, SUBMITTED) among the unsettled, whose partial index SQLite takes at its word.
        cursor.execute(
            "SELECT DISTINCT s.slug, o.symbol FROM signals_order o JOIN signals_strategy s ON s.id = o.strategy_id"
            " WHERE o.status IN ('PENDING', 'SUBMITTED', 'UNKNOWN') AND o.status <> 'UNKNOWN'"
        )
        return {f"{slug}:{symbol}" for slug, symbol in cursor.fetchall()}


def lanes_waiting(strategies: Sequence[int]) -> set[str]:
    """Lanes of these strategies in which something waits."""
    marks = ", ".join(["%s"] * len(strategies))
    where = f"state = 'waiting' AND strategy_id IN ({marks})"
    return {lane for [lane] in rows.select(WorkItem, "lane", where=where, params=strategies)}


def untried(strategies: Sequence[int], *, limit: int) -> list[WorkItem]:
    """Waiting items of these strategies, oldest first, without the lanes in which one has failed or is in work."""
    marks = ", ".join(["%s"] * len(strategies))
    theirs = f"state = 'waiting' AND strategy_id IN ({marks})"
    stuck = f"SELECT lane FROM signals_workitem WHERE {theirs} AND tries > 0"  # noqa: S608
    where = f"{theirs} AND lane NOT IN ({stuck}) ORDER BY id LIMIT {limit}"
    return rows.fetch(WorkItem, *_READ, where=where, params=[*strategies, *strategies])


def finish(items: Sequence[WorkItem]) -> bool:
    """Marks them done, first thing in the transaction that decides them; False if another worker has taken one over."""
    given = [value for item in items for value in (item.pk, item.claim_token)]
    marks = " OR ".join(["id = %s AND claim_token = %s"] * len(items))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE signals_workitem SET state = 'done', claim_token = '', lease_until = NULL"  # noqa: S608
            f" WHERE state = 'waiting' AND ({marks})",
            given,
        )
        return bool(cursor.rowcount == len(items))


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
