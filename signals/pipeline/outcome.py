"""What became of a signal as a whole: its status from its decisions, its relay state from its deliveries (E1)."""

from __future__ import annotations

from relay import selectors as relay
from signals.models import Decision, Signal
from tradeops.core.events import Event


def status_of(decisions: list[Decision]) -> str:
    """All approved; none; mixed = PARTIAL; all stale = EXPIRED; no decision at all = REJECTED."""
    approved = sum(decision.outcome == Decision.Outcome.APPROVED for decision in decisions)
    if decisions and approved == len(decisions):
        return Signal.Status.APPROVED
    if approved:
        return Signal.Status.PARTIAL
    if decisions and all(_is_stale(decision) for decision in decisions):
        return Signal.Status.EXPIRED
    return Signal.Status.REJECTED


def _is_stale(decision: Decision) -> bool:
    return any(rule["rule"] == "stale" and rule["verdict"] == "FAIL" for rule in decision.rules)


def relay_state(counts: dict[str, int]) -> str:
    """From the number of deliveries by status. One that is still tried keeps the whole PENDING."""
    if not counts:
        return Signal.Relay.NONE
    if counts.get("PENDING") or counts.get("RETRYING"):
        return Signal.Relay.PENDING
    if not counts.get("DEAD"):
        return Signal.Relay.DELIVERED
    return Signal.Relay.PARTIAL if counts.get("DELIVERED") else Signal.Relay.FAILED


def on_delivery_settled(event: Event) -> None:
    """Listens to `delivery.*`: keeps the signal's relay state true."""
    if event.signal:
        state = relay_state(relay.summary(event.signal))
        Signal.objects.filter(public_id=event.signal).update(relay=state)
