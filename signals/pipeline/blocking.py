"""What the next signal of a lane has to wait for: orders whose end it must know before it acts (S5, X2).

An order in flight is waited for. An entry that rests, or waits for another try, is cancelled first: a new signal takes
its place. So is a resting exit, where the signal could close the same once more; any other exit stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from signals.execution import cancel
from signals.execution.lifecycle import LIVE
from signals.execution.orders import AFTER_DOUBT
from signals.models import Order, Signal, WorkItem
from signals.strategies.heartbeat import HEARTBEAT
from tradeops.core import rows, statements
from tradeops.core.errors import Conflict

from . import missing

_IN_FLIGHT = ("PENDING", "SUBMITTED")
_RESTING = ("OPEN", "PARTIALLY_FILLED")
_BUYS, _SELLS = ("buy", "long", "call"), ("sell", "short", "put")
SUPERSEDED = "the strategy's next signal on this symbol takes its place"


@dataclass(frozen=True)
class Live:
    """An unfinished order, as far as the next signal of its lane has to know it."""

    pk: int
    lane: str
    account: int
    symbol: str
    status: str
    intent: str
    side: str
    type: str
    time_in_force: str
    waits: bool  # PENDING for another try
    after_doubt: bool  # an exit that waits until an entry is known
    asked: bool  # to be cancelled already

    @property
    def is_entry(self) -> bool:
        return self.intent == Order.Intent.OPEN


@dataclass(frozen=True)
class Blocking:
    """Lanes in which the next item must wait, and the orders to cancel so that it need not wait for long."""

    lanes: frozenset[str]
    superseded: tuple[int, ...] = ()


def look(items: Sequence[WorkItem], *, now: datetime) -> Blocking:
    """`items` are the heads of their lanes. Three statements at most, and mostly one that finds nothing."""
    found = _live({item.lane: item.strategy_id for item in items}, now=now)
    if not found:
        return Blocking(frozenset())
    pending = any(one.status == Order.Status.PENDING and (one.is_entry or one.after_doubt) for one in found)
    frozen = _in_doubt() if pending else set()
    actions = _actions(items, {one.lane for one in found if one.status in _RESTING or one.waits or frozen})
    lanes: set[str] = set()
    superseded: list[int] = []
    for one in found:
        action = actions.get(one.lane, "")
        gives_way = _gives_way(one, action, frozen=(one.account, one.symbol) in frozen)
        if gives_way or _is_in_flight(one, frozen) or _about_to_fill(one, action):
            lanes.add(one.lane)
        if gives_way and not one.asked:
            superseded.append(one.pk)
    return Blocking(frozenset(lanes), tuple(superseded))


def clear(superseded: Iterable[int], *, now: datetime) -> None:
    """Has them cancelled; what was never sent ends at once."""
    for order in Order.objects.filter(pk__in=list(superseded)).select_related("account", "strategy", "signal"):
        try:
            cancel.ask(order, reason=SUPERSEDED, now=now)
        except Conflict:
            continue  # it has ended by itself


def _live(strategies: Mapping[str, int], *, now: datetime) -> list[Live]:
    """The unfinished orders of these lanes, by the partial index `signals_order_live`: hence the plus (see `work`)."""
    keys = sorted(set(strategies.values()))
    marks = ", ".join(["%s"] * len(keys))
    unfinished = statements.fetch(
        "SELECT o.id, s.slug, o.account_id, o.symbol, o.status, o.intent, o.side, o.type, o.time_in_force,"  # noqa: S608
        " o.status = 'PENDING' AND o.due_at > %s, o.code, o.cancel_asked_at IS NOT NULL"
        " FROM signals_order o JOIN signals_strategy s ON s.id = o.strategy_id"
        f" WHERE o.{LIVE} AND +o.strategy_id IN ({marks})",
        [connection.ops.adapt_datetimefield_value(now), *keys],
    )
    found = [
        Live(
            pk,
            f"{slug}:{symbol}",
            account,
            symbol,
            status,
            intent,
            side,
            kind,
            tif,
            bool(waits),
            code == AFTER_DOUBT,
            bool(asked),
        )
        for pk, slug, account, symbol, status, intent, side, kind, tif, waits, code, asked in unfinished
    ]
    return [one for one in found if one.lane in strategies]


def _in_doubt() -> set[tuple[int, str]]:
    """Accounts and symbols that take no entries, whichever strategy's order it is that nobody knows of."""
    where = "status IN ('PENDING', 'SUBMITTED', 'UNKNOWN') AND status = 'UNKNOWN'"  # as the partial index has it
    return {(account, symbol) for account, symbol in rows.select(Order, "account_id", "symbol", where=where)}


def _actions(items: Sequence[WorkItem], lanes: Collection[str]) -> dict[str, str]:
    """What the heads of these lanes say."""
    wanted = {item.signal_id: item.lane for item in items if item.lane in lanes}
    if not wanted:
        return {}
    marks = ", ".join(["%s"] * len(wanted))
    found = rows.select(Signal, "id", "action", "decided_at", where=f"id IN ({marks})", params=list(wanted))
    # One that a person runs once more takes nobody's place.
    decided = {pk for pk, _, at in found if at is not None}
    again = {item.signal_id for item in items if item.signal_id in decided and missing.asked(item)}
    return {wanted[pk]: "" if pk in again else action for pk, action, _ in found}


def _is_in_flight(one: Live, frozen: Collection[tuple[int, str]]) -> bool:
    """An exit that waits for the venue to tell of an entry may wait for long: other accounts go on meanwhile."""
    held_back = one.status == Order.Status.PENDING and one.after_doubt and (one.account, one.symbol) in frozen
    return one.status in _IN_FLIGHT and not held_back


def _gives_way(one: Live, action: str, *, frozen: bool) -> bool:
    """Whether the signal takes the order's place."""
    if action in ("", HEARTBEAT):
        return False
    if one.status == Order.Status.PENDING:
        return one.is_entry and (one.waits or frozen)
    if one.status not in _RESTING:
        return False
    if one.is_entry:
        return True
    against = _SELLS if one.side == "buy" else _BUYS
    return not _at_once(one) and action not in against


def _about_to_fill(one: Live, action: str) -> bool:
    return one.status in _RESTING and action != HEARTBEAT and not one.is_entry and _at_once(one)


def _at_once(one: Live) -> bool:
    return one.type == "market" or one.time_in_force in ("ioc", "fok")
