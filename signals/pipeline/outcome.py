"""What became of a signal as a whole: its status from its decisions, its relay state from its deliveries (E1)."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from relay import selectors as relay
from signals.models import Decision, Signal
from tradeops.core.events import Event


def status_of(decisions: list[Decision]) -> str:
    """All approved; none; mixed = PARTIAL; all stale = EXPIRED; no decision at all = REJECTED. Shadows do not count."""
    decisions = [decision for decision in decisions if not decision.shadow]
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


def on_deliveries_settled(events: Sequence[Event]) -> None:
    """Listens to `delivery.*`: keeps the signals' relay state true.

    The signals are locked before their deliveries are counted: of two senders that settle the last two deliveries of
    one signal at the same time, the second counts what the first has written.
    """
    ids = sorted({event.signal for event in events if event.signal})
    if not ids:
        return
    _lock(ids)
    by_state: dict[str, list[str]] = {}
    for signal, counts in relay.summaries(ids).items():
        by_state.setdefault(relay_state(counts), []).append(signal)
    with connection.cursor() as cursor:
        for state, signals in sorted(by_state.items()):
            cursor.execute(
                f"UPDATE signals_signal SET relay = %s WHERE public_id IN ({_marks(signals)}) AND relay <> %s",  # noqa: S608
                [state, *signals, state],
            )


def _lock(ids: list[str]) -> None:
    """SQLite's writing transaction excludes every other one already."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id FROM signals_signal WHERE public_id IN ({_marks(ids)}) ORDER BY id FOR NO KEY UPDATE",  # noqa: S608
                ids,
            )


def _marks(values: Sequence[str]) -> str:
    return ", ".join(["%s"] * len(values))
