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
from tradeops.core import events, holder, rows, statements
from tradeops.core.events import Event, Level

from . import blocking as blocks
from . import ordering, route

# What `claim` and `finish` need; "state = 'waiting'" is written out below as in the partial index
# `signals_workitem_waiting`, or SQLite would not use it. Nor would it without the plus before another column that has
# an index of its own: it takes any equality before a partial index.
_READ = ordering.READ
LEASE_SECONDS = 30
PATIENCE = timedelta(seconds=0.05)
MAX_TRIES = 5


@dataclass(frozen=True)
class There:
    """What there is to look at: signals past the router's cursor, items that wait, orders not at rest."""

    signals: bool
    items: bool
    orders: bool


def there() -> There:
    """One statement, since it is asked at every turn, and mostly there is nothing."""
    [found] = statements.fetch(
        f"SELECT {route.UNROUTED}, {route.WAITING},"  # noqa: S608
        " (SELECT id FROM signals_order WHERE status IN ('PENDING', 'SUBMITTED', 'UNKNOWN') ORDER BY id LIMIT 1)",
        [route.CURSOR],
    )
    return There(*map(bool, found))


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
        (found.items and _there_are_items(now=now))
        or (found.orders and (sends.sendable(now=now, limit=1) or reconcile.due(now=now)))
    )


def _there_are_items(*, now: datetime) -> bool:
    """Also where one waits for orders that nobody has asked to cancel yet."""
    heads = _heads(now=now)
    if not heads:
        return False
    blocking = blocks.look(heads, now=now)
    return bool(blocking.superseded) or any(item.lane not in blocking.lanes for item in heads)


def claim(*, now: datetime) -> WorkItem | None:
    """The next item of a free lane, leased to this process; never one that has to wait for an order.

    Where such an order has to give way, its cancel is asked for here.
    """
    heads = _heads(now=now)
    if not heads:
        return None
    blocking = blocks.look(heads, now=now)
    if blocking.superseded:
        blocks.clear(blocking.superseded, now=now)
        blocking = blocks.look(heads, now=now)
    for item in [row for row in heads if row.lane not in blocking.lanes][:20]:
        held = item.claim_token
        lease(item, now=now)
        taken = statements.change(
            "UPDATE signals_workitem SET claim_token = %s, lease_until = %s, tries = %s"
            " WHERE id = %s AND state = 'waiting' AND claim_token = %s",
            [
                item.claim_token,
                connection.ops.adapt_datetimefield_value(item.lease_until),
                item.tries,
                item.pk,
                held,
            ],
        )
        if taken:
            return item
    return None


def lease(item: WorkItem, *, now: datetime) -> None:
    """To this process, for its next try. Not stored by it."""
    item.claim_token = holder.of_this_process().token()
    item.lease_until = now + timedelta(seconds=LEASE_SECONDS)
    item.tries += 1


def may_go(item: WorkItem, *, now: datetime) -> bool:
    """Whether nothing holds up what this process has leased; else it is given back, for `claim` to see to."""
    blocking = blocks.look([item], now=now)
    if item.lane not in blocking.lanes:
        return True
    release(item, due_at=item.due_at)
    return False


def _heads(*, now: datetime) -> list[WorkItem]:
    """The first waiting item of each lane, if it is due and nobody is at it; or what may overtake it."""
    found = rows.fetch(
        WorkItem,
        *_READ,
        where="id IN (SELECT MIN(id) FROM signals_workitem WHERE state = 'waiting' GROUP BY lane) ORDER BY id",
    )
    due = [row for row in found if row.due_at <= now]
    # Not tried yet and not due: it waits for another signal of its lane, which may be there.
    waits = [row for row in found if row.due_at > now and row.tries == 0]
    overtaking = [one for one in map(ordering.overtaking, waits) if one is not None and one.due_at <= now]
    return [row for row in (*due, *overtaking) if _unleased(row, now)]


def _unleased(item: WorkItem, now: datetime) -> bool:
    if item.lease_until is None or item.lease_until <= now:
        return True
    return holder.of_this_process().died(item.claim_token)


def lanes_waiting(strategies: Sequence[int]) -> set[str]:
    """Lanes of these strategies in which something waits."""
    marks = ", ".join(["%s"] * len(strategies))
    where = f"state = 'waiting' AND +strategy_id IN ({marks})"
    return {lane for [lane] in rows.select(WorkItem, "lane", where=where, params=strategies)}


def release(item: WorkItem, *, due_at: datetime) -> None:
    """Gives the claim back, as if it had not been tried: another signal has to act first."""
    mine = WorkItem.objects.filter(pk=item.pk, state=WorkItem.State.WAITING, claim_token=item.claim_token)
    mine.update(tries=0, due_at=due_at, claim_token="", lease_until=None)


def untried(strategies: Sequence[int], *, now: datetime, limit: int) -> list[WorkItem]:
    """Waiting items of these strategies, oldest first, without the lanes in which one has failed, is in work or waits
    for another signal."""
    marks = ", ".join(["%s"] * len(strategies))
    theirs = f"state = 'waiting' AND +strategy_id IN ({marks})"
    stuck = f"SELECT lane FROM signals_workitem WHERE {theirs} AND (tries > 0 OR due_at > %s)"  # noqa: S608
    where = f"{theirs} AND lane NOT IN ({stuck}) ORDER BY id LIMIT {limit}"
    at = connection.ops.adapt_datetimefield_value(now)
    return rows.fetch(WorkItem, *_READ, where=where, params=[*strategies, *strategies, at])


def finish(items: Sequence[WorkItem]) -> bool:
    """Marks them done, first thing in the transaction that decides them; False if another worker has taken one over."""
    given = [value for item in items for value in (item.pk, item.claim_token)]
    marks = " OR ".join(["id = %s AND claim_token = %s"] * len(items))
    done = statements.change(
        "UPDATE signals_workitem SET state = 'done', claim_token = '', lease_until = NULL"  # noqa: S608
        f" WHERE state = 'waiting' AND ({marks})",
        given,
    )
    return done == len(items)


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
