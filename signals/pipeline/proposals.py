"""What decisions for accounts and endpoints have in common: age and mode."""

from __future__ import annotations

from datetime import datetime

from accounts.brokers.base import Quote
from signals.models import Position, Strategy
from signals.risk.base import FAIL, PASS, Verdict

from . import missing, ordering
from .gather import Case


def born(case: Case) -> datetime:
    """When age begins: the sender's timestamp, else the arrival; a clock that runs ahead gains nothing (I12).

    Where a person was asked, it begins with the answer; where a person asks, with that.
    """
    if case.ask is not None:
        return case.ask.at
    if case.approval is not None and case.approval.answered_at is not None:
        return case.approval.answered_at
    return min(case.alert.sent_at or case.signal.received_at, case.signal.received_at)


def age(case: Case, now: datetime) -> float:
    return max(0.0, (now - born(case)).total_seconds())


def mode(case: Case) -> Verdict:
    """A strategy that is off, or retired, decides nothing; its signals still say so."""
    strategy = case.strategy
    if strategy.retired_at is not None:
        return Verdict("mode", FAIL, "retired", "not off", f"strategy {strategy.slug} is retired")
    if strategy.mode == Strategy.Mode.OFF:
        return Verdict("mode", FAIL, "off", "not off", f"strategy {strategy.slug} is off")
    return Verdict("mode", PASS, "dry_run" if case.dry_run else strategy.mode, "not off")


def late(case: Case) -> list[Verdict]:
    """Why a target does nothing that a later one has overtaken; empty for all others (S5)."""
    return [*ordering.late(case.alert, case.turn), *(one for one in missing.verdicts(case.ask) if not one.passed)]


def approval(case: Case) -> list[Verdict]:
    """Who said yes, of a strategy that asks (D6); who asks, of what is decided once more (U2)."""
    if case.ask is not None:
        given = [Verdict("approval", PASS, f"given by {case.ask.by}", "yes")] if case.strategy.approval_seconds else []
        return [one for one in missing.verdicts(case.ask) if one.passed] + given
    return [] if case.approval is None else [Verdict("approval", PASS, f"given by {case.approval.answered_by}", "yes")]


def mark_quote(position: Position) -> Quote | None:
    """The position's last mark as a quote, with its own time; None if it was never marked."""
    price, at = position.mark_price, position.marked_at
    if price is None or at is None:
        return None
    return Quote(symbol=position.symbol, bid=price, ask=price, last=price, at=at, source="last mark")
