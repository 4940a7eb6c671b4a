"""The verbs that only read: each gives what is said, and a few words for the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Operator
from signals import trace as traces
from signals import visibility
from signals.operator import approving, pnl, positions, reach, status
from tradeops.core.errors import Refused

from . import texts


@dataclass(frozen=True)
class Shown:
    html: str
    note: str


def show_status(person: Operator, words: Sequence[str], now: datetime) -> Shown:
    found = status.of(accounts=reach.accounts(person), now=now)
    return Shown(texts.status(found), f"{len(found.stops)} stops")


def show_positions(person: Operator, words: Sequence[str], now: datetime) -> Shown:
    found = positions.held(accounts=reach.accounts(person), words=list(words))
    return Shown(texts.positions(found, words=words), f"{len(found)} positions")


def show_pnl(person: Operator, words: Sequence[str], now: datetime) -> Shown:
    bound = reach.accounts(person)
    today, ever = pnl.today(accounts=bound, now=now), pnl.ever(accounts=bound)
    return Shown(texts.pnl(today, ever), f"{len(ever)} strategies")


def show_trace(person: Operator, words: Sequence[str], now: datetime) -> Shown:
    """Of one signal by its id, without an id of the last one that the person sees."""
    bound = reach.accounts(person)
    wanted = words[0].lower() if words else ""
    if not wanted:
        last = visibility.signals(bound).order_by("-pk").values_list("public_id", flat=True).first()
        wanted = str(last or "")
    found = traces.of(wanted, accounts=bound) if wanted else None
    if found is None:
        raise Refused("there is no such signal" if words else "there is no signal yet", code="unknown_signal")
    return Shown(texts.trace(found), wanted)


def show_waiting(person: Operator, words: Sequence[str], now: datetime) -> Shown:
    found = approving.waiting(person=person, now=now)
    return Shown(texts.waiting(found, now=now), f"{len(found)} waiting")
