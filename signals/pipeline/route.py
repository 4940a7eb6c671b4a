"""From stored signals to work items, in the order of receipt (DESIGN §2.3).

What needs nothing but this process's own knowledge, a signal for a strategy that only relays, is decided in the same
transaction: one commit from there to its deliveries. Everything else waits in its lane for a worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection, transaction

from signals.models import Signal, WorkItem
from tradeops.core import clock, logs, rows, statements
from tradeops.core.alone import alone, taken
from tradeops.core.models import Cursor

from . import gather, nowhere, plans, together, work
from .gather import Case
from .ordering import Stances
from .plans import Plan

logger = logs.get(__name__)
CURSOR = "pipeline.route"
ROUTER = "router"  # who decides without a lease does it alone: this and `backlog`
# On PostgreSQL a lower id may commit after a higher one. A gap is waited for as long as a web transaction can
# last (its statement time-out is 1.5 s); after that it was rolled back and nobody comes.
GAP_WAIT = timedelta(seconds=2)
_POSITION = "COALESCE((SELECT position FROM core_cursor WHERE name = %s), 0)"
# The first item that waits, NULL for none, in the order of the partial index: PostgreSQL looks for any row (EXISTS) in
# the whole table where its figures say that many wait, and by those of a backlog reads all of it once that is gone.
WAITING = "(SELECT id FROM signals_workitem WHERE state = 'waiting' ORDER BY lane, id LIMIT 1)"
_PLACE = f"SELECT {_POSITION}, {WAITING}"


@dataclass(kw_only=True)
class Batch:
    """The next signals and what becomes of each: decided now, left to a worker, or for nobody.

    `mine` is the item that this process goes on with at once, leased as it is stored.
    """

    after: int
    signals: list[Signal]
    idle: bool = False  # nothing waits: whoever takes an item takes none before its turn
    mine: WorkItem | None = None
    cases: list[Case] = field(default_factory=list)
    items: list[WorkItem] = field(default_factory=list)
    nowhere: list[Signal] = field(default_factory=list)
    stances: Stances = field(default_factory=Stances)


@dataclass(frozen=True)
class Routed:
    """How many signals have gone on: None while another router is at it. `item` is one that is leased to this process
    already, as `work.claim` leases one: for `work.may_go`."""

    count: int | None
    item: WorkItem | None = None


# With `CURSOR` and a time: whether a signal that came until then is not routed.
NEXT_UNROUTED = (
    f"SELECT 1 FROM (SELECT received_at FROM signals_signal WHERE id > {_POSITION}"  # noqa: S608
    " ORDER BY id LIMIT 1) next WHERE received_at <= %s"
)
# With `CURSOR`: whether there is one past it. By the last id: PostgreSQL takes a third of all signals to be past a
# position that it has yet to read, and would go through a million of them to find none.
UNROUTED = f"COALESCE((SELECT MAX(id) FROM signals_signal), 0) > {_POSITION}"  # noqa: S608


def unrouted() -> bool:
    """Whether there are signals past the router's cursor. Asked at every commit, so without the ORM's overhead."""
    [[found]] = statements.fetch(f"SELECT {UNROUTED}", [CURSOR])
    return bool(found)


def left_alone(*, since: datetime) -> bool:
    """Whether a signal that came before `since` is not routed and nobody is at it."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_UNROUTED, [CURSOR, connection.ops.adapt_datetimefield_value(since)])
        found = cursor.fetchone() is not None
    return found and not taken(ROUTER)


def route(*, now: datetime) -> int | None:
    """Moves the next signals on; returns how many. One router at a time: None while another is at it."""
    return _moved(now=now, take=False).count


def take(*, now: datetime) -> Routed:
    """As `route`, and where nothing else waits, takes the first new item on: that spares a claim and its commit."""
    return _moved(now=now, take=True)


def _moved(*, now: datetime, take: bool) -> Routed:
    try:
        return _route(now=now, decide=True, take=take)
    except (OperationalError, InterfaceError):
        raise  # the database does not answer
    except Exception:
        logger.exception("signals could not be decided together; each is decided alone")
        return _route(now=now, decide=False, take=take)


def _route(*, now: datetime, decide: bool, take: bool) -> Routed:
    with alone(ROUTER) as mine:
        if not mine:
            return Routed(None)
        batch = _next(now=now)
        if batch is None:
            return Routed(0)
        _sort(batch, decide=decide, now=now)
        if take and batch.idle:
            _take(batch, now=now)
        judged = together.judge(batch.cases, now=clock.now())
        with transaction.atomic(savepoint=False):
            if not _advance(batch):
                return Routed(None)
            judged = together.lock(judged)
            _store_items(batch)
            together.store(judged)
            batch.stances.store(now=now)
            nowhere.store(batch.nowhere, now=now)
    return Routed(len(batch.signals), batch.mine)


def _next(*, now: datetime) -> Batch | None:
    [[position, waits]] = statements.fetch(_PLACE, [CURSOR])
    after = int(position)
    found = gather.signals(where=f"id > %s ORDER BY id LIMIT {together.MOST}", params=[after])
    ready = _without_gap(found, after=after, now=now)
    return Batch(after=after, signals=ready, idle=not waits) if ready else None


def _take(batch: Batch, *, now: datetime) -> None:
    """Only the router makes new items, and it is alone: what is not waiting now is not waiting at the commit either."""
    if batch.items and not plans.of(batch.items[0].strategy_id).only_relays:
        batch.mine = batch.items[0]
        work.lease(batch.mine, now=now)


def _advance(batch: Batch) -> bool:
    """Moves the cursor past the batch; False if another router has been here, whoever thought to be alone."""
    if batch.after == 0:
        Cursor.objects.bulk_create([Cursor(name=CURSOR)], ignore_conflicts=True)
    moved = statements.change(
        "UPDATE core_cursor SET position = %s WHERE name = %s AND position = %s",
        [batch.signals[-1].pk, CURSOR, batch.after],
    )
    return moved == 1


def _without_gap(found: list[Signal], *, after: int, now: datetime) -> list[Signal]:
    expected = after + 1 if after else (found[0].pk if found else 0)
    ready = []
    for signal in found:
        if signal.pk != expected and now - signal.received_at < GAP_WAIT and connection.vendor == "postgresql":
            break
        ready.append(signal)
        expected = signal.pk + 1
    return ready


def _sort(batch: Batch, *, decide: bool, now: datetime) -> None:
    known = plans.by_slug({slug for signal in batch.signals for slug in signal.routes})
    mine = [plan.strategy.pk for plan in known.values() if plan.only_relays]
    # What waits in a lane goes first, whatever comes after it.
    waiting = work.lanes_waiting(mine) if decide and mine else set()
    for signal in batch.signals:
        wanted = [known[slug] for slug in signal.routes if slug in known]
        if not wanted:
            batch.nowhere.append(signal)
        for plan in wanted:
            item = rows.make(
                WorkItem, signal_id=signal.pk, strategy_id=plan.strategy.pk, lane=plan.lane(signal.symbol), due_at=now
            )
            item.signal = signal  # whoever decides it in this process need not read it again
            case = case_of(item, signal, plan) if decide and plan.only_relays and item.lane not in waiting else None
            if case is None or not batch.stances.passes(item, case.alert, case.mapped):
                waiting.add(item.lane)
                batch.items.append(item)
            else:
                batch.cases.append(case)


def case_of(item: WorkItem, signal: Signal, plan: Plan) -> Case | None:
    """None for one that cannot be read: it is tried again by itself, and fails in its own name."""
    try:
        return gather.relay_case(item, signal, plan)
    except Exception as error:  # noqa: BLE001  (whatever is wrong with one signal must not hold up the others)
        logger.warning("a signal is not decided with the others", signal=signal.pk, error=str(error))
        return None


def _store_items(batch: Batch) -> None:
    for case in batch.cases:
        case.item.state = WorkItem.State.DONE.value
    rows.insert_all([case.item for case in batch.cases])
    if batch.mine is not None:
        keys = rows.insert_new([batch.mine])
        batch.mine.pk, batch.mine = keys[0] if keys else None, batch.mine if keys else None
    others = [item for item in batch.items if item is not batch.mine]
    if others:
        rows.insert_new(others)
    if batch.items:
        _processing(batch.items)


def _processing(items: Sequence[WorkItem]) -> None:
    """Not if they are decided already: a cursor that was lost comes by again."""
    ids = sorted({item.signal_id for item in items})
    marks = ", ".join(["%s"] * len(ids))
    statements.change(
        "UPDATE signals_signal SET status = 'PROCESSING'"  # noqa: S608
        f" WHERE id IN ({marks}) AND status = 'RECEIVED'",
        ids,
    )
