"""From stored signals to work items, in the order of receipt (DESIGN §2.3)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction

from signals.models import Decision, Signal, Strategy, WorkItem
from signals.strategies import symbols
from signals.strategies.heartbeat import HEARTBEAT
from tradeops.core import configuration, events, rows
from tradeops.core.events import Event, Level
from tradeops.core.models import Cursor

CURSOR = "pipeline.route"
BATCH = 200
_READ = ("public_id", "request_id", "received_at", "routes", "symbol", "action", "data")
_strategies = configuration.Cached(lambda: {row.slug: row for row in Strategy.objects.all()})
# On PostgreSQL a lower id may commit after a higher one. A gap is waited for as long as a web transaction can
# last (its statement time-out is 1.5 s); after that it was rolled back and nobody comes.
GAP_WAIT = timedelta(seconds=2)


def unrouted() -> bool:
    """Whether there are signals past the router's cursor. Asked at every commit, so without the ORM's overhead."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM signals_signal WHERE id > COALESCE((SELECT position FROM core_cursor WHERE name = %s), 0)"
            " LIMIT 1",
            [CURSOR],
        )
        return cursor.fetchone() is not None


def route(*, now: datetime) -> int:
    """Fans the next signals out, one work item per strategy; returns how many signals. One router at a time."""
    with transaction.atomic():
        cursor = _cursor()
        if cursor is None:
            return 0
        found = list(Signal.objects.filter(pk__gt=cursor.position).only(*_READ).order_by("pk")[:BATCH])
        ready = _without_gap(found, after=cursor.position, now=now)
        if not ready:
            return 0
        strategies = _strategies()
        if any(slug not in strategies for signal in ready for slug in signal.routes):
            configuration.forget()  # the web process may know of a change that this one has not looked for yet
            strategies = _strategies()
        rows.insert_new(
            [_item(signal, strategies[slug], now) for signal in ready for slug in signal.routes if slug in strategies]
        )
        routed = [signal.pk for signal in ready if any(slug in strategies for slug in signal.routes)]
        Signal.objects.filter(pk__in=routed).update(status=Signal.Status.PROCESSING)
        for signal in ready:
            if signal.pk not in routed:
                _nowhere(signal, now)
        cursor.position = ready[-1].pk
        rows.update(cursor, "position")
    return len(ready)


def _cursor() -> Cursor | None:
    """The router's row, locked and made if it is missing; None while another router has it."""
    skip = connection.features.has_select_for_update_skip_locked
    mine = Cursor.objects.select_for_update(skip_locked=skip).filter(name=CURSOR).order_by()
    row = mine.first()
    if row is None:
        Cursor.objects.bulk_create([Cursor(name=CURSOR)], ignore_conflicts=True)
        row = mine.first()
    return row


def _without_gap(found: list[Signal], *, after: int, now: datetime) -> list[Signal]:
    expected = after + 1 if after else (found[0].pk if found else 0)
    ready = []
    for signal in found:
        if signal.pk != expected and now - signal.received_at < GAP_WAIT and connection.vendor == "postgresql":
            break
        ready.append(signal)
        expected = signal.pk + 1
    return ready


def _item(signal: Signal, strategy: Strategy, now: datetime) -> WorkItem:
    mapped = symbols.lookup(strategy.symbols, signal.symbol)
    lane = f"{strategy.slug}:{mapped.symbol if mapped else signal.symbol}"
    return WorkItem(signal=signal, strategy=strategy, lane=lane, due_at=now)


def _nowhere(signal: Signal, now: datetime) -> None:
    """No strategy takes it: stored, said, and shown as a decision of its own."""
    named = signal.data.get("strategy")
    value = f"strategy {named}" if named else signal.symbol
    reason = (
        f"strategy {named} is not fed by this source" if named else f"no strategy of this source trades {signal.symbol}"
    )
    verdict = {"rule": "no_strategy", "verdict": "FAIL", "value": value, "limit": "a strategy of the source"}
    Decision.objects.create(
        signal=signal, outcome=Decision.Outcome.REJECTED, reason=reason, rules=[verdict], decided_at=now
    )
    Signal.objects.filter(pk=signal.pk).update(status=Signal.Status.REJECTED, decided_at=now, note=reason)
    events.publish(
        Event(
            name="signal.rejected",
            at=now,
            # A heartbeat comes again each minute; the source's own silence is what would be worth a call.
            level=Level.INFO if signal.action == HEARTBEAT else Level.WARNING,
            title=f"{signal.action} {signal.symbol} went nowhere: {reason}",
            signal=signal.public_id,
            symbol=signal.symbol,
            request_id=signal.request_id,
            body={"rule": "no_strategy", "reason": reason},
        )
    )
