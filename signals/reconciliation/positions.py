"""Positions: what the venue holds against Σ strategies + external, exactly (P1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.models import Account
from signals.models import VenueDifference
from tradeops.core.money import ZERO, plain

from . import books, cursor
from .books import Books
from .cursor import Claim
from .differences import Finding, Name
from .look import Key, Look


@dataclass
class Compared:
    """`moving`: holdings that changed while we looked; they are judged when they rest."""

    findings: dict[Name, Finding] = field(default_factory=dict)
    judged: set[Key] = field(default_factory=set)
    moving: set[Key] = field(default_factory=set)
    first_seen: dict[Key, Decimal] = field(default_factory=dict)


def compare(held: Claim, look: Look, before: Books, after: Books) -> Compared:
    """Pure. `before` and `after` are our books as they were around the look."""
    found = Compared()
    spot = held.account.market == Account.Market.SPOT
    if not (spot or look.able.positions):
        return found
    for key in _keys(look, before, after, spot=spot):
        ours, venue = after.ours(key), look.after.get(key, ZERO)
        if not look.steady(key) or key in before.moving | after.moving or before.ours(key) != ours:
            found.moving.add(key)
        elif key not in after.external and (spot or held.baseline_at is None):
            found.first_seen[key] = venue - after.strategies.get(key, ZERO)
        else:
            found.judged.add(key)
            if ours != venue:
                found.findings[_name(key)] = _finding(key, after, venue, spot=spot)
    return found


def _keys(look: Look, before: Books, after: Books, *, spot: bool) -> set[Key]:
    """On spot only what a strategy has held or a trade has touched: the rest is cash, and other people's coins."""
    own = set(before.strategies) | set(after.strategies) | set(before.external) | set(after.external)
    keys = own if spot else own | set(look.before) | set(look.after)
    return {key for key in keys if key.symbol not in after.cash}


def _name(key: Key) -> Name:
    return Name(VenueDifference.Kind.POSITION, key.symbol, key.side)


def judged(found: Compared, name: Name) -> bool:
    return Key(name.symbol, name.reference) in found.judged


def _finding(key: Key, ours: Books, venue: Decimal, *, spot: bool) -> Finding:
    external = ours.external.get(key, ZERO)
    parts = f"strategies {plain(ours.strategies.get(key, ZERO))}, external {plain(external)}"
    why = (
        "A deposit, a withdrawal or a conversion leaves no trade: if it was one, count the difference as external."
        if spot
        else "Compare the venue's history of this symbol with the fills here. If the difference is nobody's position, "
        "count it as external."
    )
    return Finding(plain(ours.ours(key)) or "0", plain(venue) or "0", f"Here: {parts}. {why}")


def begin(held: Claim, found: Compared, *, now: datetime) -> None:
    """At first sight, what is there and is no strategy's is external (P1)."""
    if not found.first_seen and (held.baseline_at is not None or found.moving):
        return
    with transaction.atomic():
        cursor.hold(held, now=now)
        for key, quantity in found.first_seen.items():
            books.set_external(held.account, key, quantity, now=now)
        if held.baseline_at is None and not found.moving:
            cursor.hold(held, now=now, baseline_at=now)
