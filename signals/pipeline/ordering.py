"""Signals of one strategy and symbol act in the order in which their sender's strategy made them (S5).

A message with `prev_market_position` says where the strategy stood before it. If that is not where the last one left it
(`StrategyTarget`), one that was sent before it has not come yet: it waits up to two seconds, given back with that
`due_at`, and what leads to it overtakes. Nothing is kept but the row: after a restart the wait goes on where it was.

What a drain has found here is looked at once more under the scope locks (`confirm`): two drains cannot both act on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from signals.models import Order, Signal, StrategyTarget, WorkItem
from signals.receive import Alert
from signals.risk.base import FAIL, Verdict
from signals.strategies.heartbeat import HEARTBEAT
from signals.strategies.symbols import Mapped
from tradeops.core import clock, money, rows

WAIT = timedelta(seconds=2)
# A target is not traded while nobody knows what is held; a venue mostly tells within a second. Then as `in_doubt` says.
DOUBT_WAIT = timedelta(seconds=5)
_SOON = timedelta(seconds=0.1)
_MOST_BEHIND = 6  # of a lane are looked at: a bar has no more


class NotYet(Exception):
    """It is not this item's turn; it is to be looked at again then, or as soon as another of its lane has acted."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class Moved(Exception):
    """Another signal of the lane has acted meanwhile."""


@dataclass(frozen=True)
class Stance:
    """Where the sender's strategy stands in a symbol by what it said last; `size` in its own unit, if it said so."""

    target: str = "flat"
    size: Decimal | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True)
class Turn:
    """A target's place among the others: it acts after `seen`; or is `late`: one that was sent after it has acted."""

    seen: Stance | None = None
    late: bool = False


def is_target(alert: Alert) -> bool:
    """Whether it says where the strategy stands from now on."""
    return bool(alert.market_position) and alert.action != HEARTBEAT and not alert.dry_run


def is_ordered(alert: Alert) -> bool:
    """Whether it says what came before it too."""
    return bool(alert.prev_market_position) and is_target(alert)


def after(alert: Alert) -> Stance:
    size = None if alert.market_position == "flat" else alert.market_position_size
    return Stance(alert.market_position, size, alert.sent_at)


def fits(alert: Alert, stance: Stance) -> bool:
    """Whether it was made where the strategy stands. TradingView's sizes are compared where both are known."""
    if alert.prev_market_position != stance.target:
        return False
    before = _size_before(alert)
    return before is None or stance.size is None or before == stance.size


def _size_before(alert: Alert) -> Decimal | None:
    try:
        return money.exact(alert.extra["prev_market_position_size"])
    except (KeyError, ValueError):
        return None


def is_late(alert: Alert, stance: Stance) -> bool:
    """Its sender made it before the one that has acted already."""
    if fits(alert, stance) or alert.sent_at is None or stance.sent_at is None:
        return False
    return alert.sent_at < stance.sent_at


def late(alert: Alert, turn: Turn | None) -> list[Verdict]:
    """Why a late one does nothing; empty for all others."""
    if turn is None or not turn.late or turn.seen is None:
        return []
    said = f"a later alert has said already where the strategy stands: {turn.seen.target}"
    at = [clock.iso_ms(one) if one else None for one in (alert.sent_at, turn.seen.sent_at)]
    return [Verdict("sequence", FAIL, at[0], at[1], said)]


# One item -----------------------------------------------------------------------------------------------------------


def turn(item: WorkItem, signal: Signal, alert: Alert, mapped: Mapped | None, *, now: datetime) -> Turn | None:
    """Outside of transactions. None for what has no place of its own in a sequence. Raises NotYet.

    Statements are made only for messages with `market_position`.
    """
    if mapped is None or not is_target(alert):
        return None
    if alert.market_position != "flat" and (until := _known_at(item, mapped, now=now)) is not None:
        raise NotYet(until)
    if not is_ordered(alert):
        return Turn()
    stance = read(item.strategy_id, mapped.symbol)
    if fits(alert, stance) or is_late(alert, stance):
        return Turn(stance, is_late(alert, stance))
    until = signal.received_at + WAIT
    if now < until:
        raise NotYet(until)
    if _predecessor(_Waiting(item, signal.received_at, alert), behind(item), stance):
        raise NotYet(now + WAIT)  # it wakes this one when it has acted
    if _unrouted(before=until):
        raise NotYet(now + _SOON)
    return Turn(stance)


def _known_at(item: WorkItem, mapped: Mapped, *, now: datetime) -> datetime | None:
    """When to look again, where an order of the lane has just come to be in doubt; None where it has not."""
    symbols = sorted({mapped.symbol, *(one.symbol for one in mapped.accounts.values())})
    marks = ", ".join(["%s"] * len(symbols))
    found = rows.select(
        Order,
        "unknown_since",
        where="status IN ('PENDING', 'SUBMITTED', 'UNKNOWN') AND status = 'UNKNOWN'"
        f" AND strategy_id = %s AND symbol IN ({marks})",
        params=[item.strategy_id, *symbols],
    )
    young = any(since is not None and now < since + DOUBT_WAIT for [since] in found)
    return now + _SOON if young else None


def _unrouted(*, before: datetime) -> bool:
    """Whether the router has still to come to a signal of that time. It goes by the order of receipt."""
    from .route import CURSOR, NEXT_UNROUTED  # route imports this module

    with connection.cursor() as cursor:
        cursor.execute(NEXT_UNROUTED, [CURSOR, connection.ops.adapt_datetimefield_value(before)])
        return cursor.fetchone() is not None


def read(strategy: int, symbol: str) -> Stance:
    """One that has never said where it stands is flat."""
    return _stances(strategy, symbol).get(symbol, Stance())


def _stances(strategy: int, symbol: str | None = None) -> dict[str, Stance]:
    where = "strategy_id = %s" + (" AND symbol = %s" if symbol is not None else "")
    params = [strategy, *([symbol] if symbol is not None else [])]
    found = rows.select(StrategyTarget, "symbol", "target", "size", "signal_id", where=where, params=params)
    if not found:
        return {}
    marks = ", ".join(["%s"] * len(found))
    sent = dict(rows.select(Signal, "id", "sent_at", where=f"id IN ({marks})", params=[row[3] for row in found]))
    return {name: Stance(target, size, sent.get(signal)) for name, target, size, signal in found}


def confirm(item: WorkItem, mapped: Mapped | None, turn: Turn | None) -> None:
    """Under the scope locks: nothing of the lane has acted since. Raises Moved."""
    if turn is None or turn.seen is None or mapped is None:
        return
    if read(item.strategy_id, mapped.symbol) != turn.seen:
        raise Moved


def stand(item: WorkItem, alert: Alert, mapped: Mapped | None, turn: Turn | None, *, now: datetime) -> None:
    """Keeps where the strategy stands now, whatever became of it here, in the transaction that decides it.

    What waited for it is looked at at once.
    """
    if turn is None or turn.late or mapped is None:
        return
    _put([_target(item, alert, mapped.symbol, now=now)])
    if is_ordered(alert):
        at = connection.ops.adapt_datetimefield_value(now)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE signals_workitem SET due_at = %s"
                " WHERE state = 'waiting' AND lane = %s AND tries = 0 AND due_at > %s",
                [at, item.lane, at],
            )


def _target(item: WorkItem, alert: Alert, symbol: str, *, now: datetime) -> StrategyTarget:
    stance = after(alert)
    return rows.make(
        StrategyTarget,
        strategy_id=item.strategy_id,
        symbol=symbol,
        target=stance.target,
        size=stance.size,
        signal_id=item.signal_id,
        at=now,
    )


def _put(targets: Sequence[StrategyTarget]) -> None:
    if targets:
        rows.put_all(targets, unique=("strategy", "symbol"))


# A lane whose head waits --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Waiting:
    item: WorkItem
    received_at: datetime
    alert: Alert


def behind(head: WorkItem) -> list[_Waiting]:
    """The next ones of its lane, as far as they are looked at."""
    items = rows.fetch(
        WorkItem,
        *READ,
        where=f"state = 'waiting' AND lane = %s AND id > %s ORDER BY id LIMIT {_MOST_BEHIND}",
        params=[head.lane, head.pk],
    )
    return _with_alerts(items)


READ = ("signal_id", "strategy_id", "lane", "state", "due_at", "tries", "claim_token", "lease_until")


def _with_alerts(items: Sequence[WorkItem]) -> list[_Waiting]:
    if not items:
        return []
    marks = ", ".join(["%s"] * len(items))
    found: dict[int, tuple[datetime, Any]] = {
        pk: (received_at, data)
        for pk, received_at, data in rows.select(
            Signal, "id", "received_at", "data", where=f"id IN ({marks})", params=[item.signal_id for item in items]
        )
    }
    return [
        _Waiting(item, found[item.signal_id][0], Alert.from_json(found[item.signal_id][1]))
        for item in items
        if item.signal_id in found
    ]


def overtaking(head: WorkItem) -> WorkItem | None:
    """What may act before the head of its lane, which waits: the first of those that lead up to it, if there are."""
    waiting = _with_alerts([head])
    if not waiting or not is_ordered(waiting[0].alert):
        return None
    stance = read(head.strategy_id, head.lane.partition(":")[2])
    if fits(waiting[0].alert, stance):
        return None
    found = _predecessor(waiting[0], behind(head), stance)
    return found.item if found else None


def _predecessor(head: _Waiting, others: Sequence[_Waiting], stance: Stance) -> _Waiting | None:
    """The first step on the way from where the strategy stands to where the head begins, over what came after it."""
    for number, one in enumerate(others):
        if not _may_precede(one, head) or not fits(one.alert, stance):
            continue
        there = after(one.alert)
        rest = [*others[:number], *others[number + 1 :]]
        if fits(head.alert, there) or _predecessor(head, rest, there):
            return one
    return None


def _may_precede(one: _Waiting, head: _Waiting) -> bool:
    """It came in time, and was not made after the head by its sender's own word."""
    if not is_ordered(one.alert) or one.received_at > head.received_at + WAIT:
        return False
    sent, before = one.alert.sent_at, head.alert.sent_at
    return sent is None or before is None or sent <= before


# Many at once -------------------------------------------------------------------------------------------------------


class Stances:
    """Where strategies stand while a batch of theirs is decided together, one after the other."""

    def __init__(self) -> None:
        self._seen: dict[int, dict[str, Stance]] = {}
        self._now: dict[tuple[int, str], Stance] = {}
        self._targets: dict[tuple[int, str], tuple[WorkItem, Alert]] = {}

    def passes(self, item: WorkItem, alert: Alert, mapped: Mapped | None) -> bool:
        """Whether it is its turn in the batch; if not, it waits in its lane."""
        if mapped is None or not is_target(alert):
            return True
        key = (item.strategy_id, mapped.symbol)
        if is_ordered(alert) and not fits(alert, self._stance(key)):
            return False
        self._now[key] = after(alert)
        self._targets[key] = (item, alert)
        return True

    def _stance(self, key: tuple[int, str]) -> Stance:
        if key in self._now:
            return self._now[key]
        strategy, symbol = key
        if strategy not in self._seen:
            self._seen[strategy] = _stances(strategy)
        return self._seen[strategy].get(symbol, Stance())

    def store(self, *, now: datetime) -> None:
        """Under the scope locks, in the transaction that stores the batch. Raises Moved, as `confirm`."""
        for strategy, seen in self._seen.items():
            if _stances(strategy) != seen:
                raise Moved
        _put([_target(item, alert, symbol, now=now) for (_, symbol), (item, alert) in self._targets.items()])
