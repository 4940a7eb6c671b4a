"""Stopping entries and letting them go on, and what may follow a stop: entries taken back, positions closed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from accounts.models import Operator
from signals.execution import cancel
from signals.models.risk import Scope
from signals.risk import halts, switch
from tradeops.core import wake
from tradeops.core.errors import Conflict

from . import flatten, reach
from .reach import Target


def stop(*, target: Target, reason: str, by: str, now: datetime) -> bool:
    """The kill switch of the target on; whether that changed anything."""
    return switch.set(scope=target.scope, key=target.key, on=True, reason=reason, by=by, now=now)


def go_on(*, target: Target, reason: str, by: str, now: datetime) -> bool:
    """The target's switch off, and a halted strategy let go on; whether that changed anything."""
    changed = switch.set(scope=target.scope, key=target.key, on=False, reason=reason, by=by, now=now)
    if target.scope == Scope.STRATEGY:
        changed |= halts.resume(strategy=target.key, reason=reason, by=by, now=now)
    return changed


@dataclass
class Counted:
    """What there is to close and to take back under a target, or what was done of it."""

    positions: int = 0
    entries: int = 0
    accounts: int = 0
    problems: list[str] = field(default_factory=list)


def under(*, target: Target, person: Operator) -> Counted:
    found = Counted()
    for each in _flat(target, person):
        seen = flatten.preview(each)
        closes = sum(1 for closing in seen.closings if closing.quantity > 0)
        found.positions += closes
        found.entries += len(seen.entries)
        found.accounts += bool(closes or seen.entries)
    return found


def take_back(*, target: Target, person: Operator, reason: str, by: str, now: datetime) -> Counted:
    """Asks for the cancel of every entry under way. No network; asking twice changes nothing."""
    done = Counted()
    for each in _flat(target, person):
        entries = flatten.preview(each).entries
        for entry in entries:
            try:
                cancel.ask(entry, reason=reason, by=by, now=now)
                done.entries += 1
            except Conflict:
                continue  # it has ended meanwhile
        done.accounts += bool(entries)
    wake.notify()
    return done


def close_all(*, target: Target, person: Operator, request_id: str, reason: str, by: str, now: datetime) -> Counted:
    """Entries taken back and positions closed at the market. The same `request_id` is carried out once."""
    results = flatten.flatten(_flat(target, person), request_id=request_id, by=by, reason=reason, now=now)
    return Counted(
        positions=sum(len(result.closes) for result in results),
        entries=sum(len(result.cancels) for result in results),
        accounts=sum(1 for result in results if result.closes or result.cancels),
        problems=[f"{result.account}: {result.problem}" for result in results if result.problem],
    )


def _flat(target: Target, person: Operator) -> list[flatten.Target]:
    found = reach.targets(target, person=person)
    return [flatten.Target(account=account, strategy=strategy) for account, strategy in found]
