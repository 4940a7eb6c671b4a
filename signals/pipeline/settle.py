"""The signal's own row, once decisions are stored: its status when the last strategy is decided, and its relay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from signals.models import Decision, Signal, WorkItem
from tradeops.core import rows

from . import for_endpoint, outcome

Open, Failed = {WorkItem.State.WAITING, WorkItem.State.ASKING}, WorkItem.State.FAILED


def settle(decided: Mapping[int, Sequence[Decision]], *, shared: Sequence[int], now: datetime) -> None:
    """`decided`: signal → its decisions of this transaction, stored, and the work items of these are done.

    `shared` are those of them that other strategies have too. The scope locks must be held: two strategies' workers
    that look at the same moment would each see the other's item waiting.
    """
    states = _states(shared)
    whole = {pk: tuple(decisions) for pk, decisions in decided.items() if not Open & states.get(pk, set())}
    whole |= _all_of([pk for pk in whole if pk in states])
    written: dict[tuple[str | None, bool], list[int]] = {}
    for pk, decisions in decided.items():
        status = _status(whole[pk], states.get(pk, set())) if pk in whole else None
        written.setdefault((status, any(map(is_relayed, decisions))), []).append(pk)
    for (status, relayed), keys in written.items():
        values: dict[str, object] = {} if status is None else {"status": status, "decided_at": now}
        if relayed:
            values["relay"] = Signal.Relay.PENDING.value
        if values:
            rows.update_all(Signal, keys, **values)


def is_relayed(decision: Decision) -> bool:
    """Whether a message to its endpoint follows from it."""
    approved = decision.outcome == Decision.Outcome.APPROVED
    return approved and decision.endpoint_id is not None and decision.intent == for_endpoint.RELAY


def _status(decisions: Sequence[Decision], states: set[str]) -> str:
    return Signal.Status.FAILED.value if Failed in states else str(outcome.status_of(list(decisions)))


def _states(signals: Sequence[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {pk: set() for pk in signals}
    if signals:
        for pk, state in WorkItem.objects.filter(signal__in=list(signals)).values_list("signal", "state"):
            found[pk].add(state)
    return found


def _all_of(signals: Sequence[int]) -> dict[int, tuple[Decision, ...]]:
    """Every decision of these signals, also those of other transactions."""
    found: dict[int, list[Decision]] = {pk: [] for pk in signals}
    if signals:
        for decision in Decision.objects.filter(signal__in=list(signals)):
            found[decision.signal_id].append(decision)
    return {pk: tuple(decisions) for pk, decisions in found.items()}
