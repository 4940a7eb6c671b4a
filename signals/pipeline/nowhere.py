"""A signal that no strategy takes: stored, said, and shown as a decision of its own (rule `no_strategy`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from signals.models import Decision, Signal
from signals.strategies.heartbeat import HEARTBEAT
from tradeops.core import events, rows
from tradeops.core.events import Event, Level


def store(signals: Sequence[Signal], *, now: datetime) -> None:
    """In the transaction that routes them."""
    reasons = {signal.pk: _reason(signal) for signal in signals}
    rows.insert_all([_decision(signal, reasons[signal.pk], now=now) for signal in signals])
    for reason in dict.fromkeys(reasons.values()):
        ids = [pk for pk, said in reasons.items() if said == reason]
        rows.update_all(Signal, ids, status=Signal.Status.REJECTED.value, decided_at=now, note=reason[:300])
    events.publish_all([_event(signal, reasons[signal.pk], now=now) for signal in signals])


def _reason(signal: Signal) -> str:
    named = signal.data.get("strategy")
    if named:
        return f"strategy {named} is not fed by this source"
    return f"no strategy of this source trades {signal.symbol}"


def _decision(signal: Signal, reason: str, *, now: datetime) -> Decision:
    named = signal.data.get("strategy")
    value = f"strategy {named}" if named else signal.symbol
    verdict = {"rule": "no_strategy", "verdict": "FAIL", "value": value, "limit": "a strategy of the source"}
    return Decision(
        signal_id=signal.pk,
        outcome=Decision.Outcome.REJECTED.value,
        reason=reason[:300],
        rules=[verdict],
        decided_at=now,
    )


def _event(signal: Signal, reason: str, *, now: datetime) -> Event:
    return Event(
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
