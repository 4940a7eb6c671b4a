"""A stored signal decided once more, for the accounts that have no order of it, because a person asks (U2).

The ask stands in the accounts' own decisions, under `asked` of their enrichment: `by`, `reason`, `at`, `request`, and
`open` until it is decided. What had been decided before is kept under `before`, the oldest first. The signal's item
goes back to its lane, where a worker decides it like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from signals.models import Decision, Signal, WorkItem
from signals.receive import Alert
from signals.risk.base import FAIL, PASS, Verdict
from signals.strategies.heartbeat import HEARTBEAT
from tradeops.core import clock

RULE = "run_again"
ASKED = "asked"  # the key of the enrichment
# So many newer signals of a lane are looked through; whoever runs an older one than that sends a new signal instead.
_MOST_NEWER = 200
_CLOSES = ("close", "exit", "flat")
_LONG, _SHORT = ("buy", "long", "call"), ("sell", "short", "put")


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Who asks, why and when; `decisions` are the accounts' own, by the account's primary key."""

    by: str
    reason: str
    at: datetime
    decisions: Mapping[int, Decision] = field(default_factory=dict)
    overtaken: str = ""  # by which newer signal, in a sentence


def asked(item: WorkItem) -> Ask | None:
    """What a person has asked of this item and nobody has decided yet."""
    found = [row for row in of_accounts(item) if is_open(row)]
    if not found:
        return None
    told = found[0].enrichment["asked"]
    return Ask(
        by=told["by"],
        reason=told["reason"],
        at=datetime.fromisoformat(told["at"]),
        decisions={row.account_id: row for row in found if row.account_id is not None},
    )


def of_accounts(item: WorkItem) -> list[Decision]:
    found = Decision.objects.filter(
        signal=item.signal_id, strategy=item.strategy_id, account__isnull=False, shadow=False
    )
    return list(found.select_related("account").order_by("pk"))


def is_open(row: Decision) -> bool:
    return bool(row.enrichment.get("asked", {}).get("open"))


def mark(row: Decision, *, by: str, reason: str, request_id: str, at: datetime) -> None:
    """Writes the ask into a decision, not stored yet."""
    told = {"by": by, "reason": reason, "at": clock.iso_ms(at), "request": request_id, "open": True}
    row.enrichment = {**row.enrichment, "asked": told}


def first_decided_at(row: Decision) -> datetime | None:
    """When it was decided before anybody asked; None for one that was made with the ask itself."""
    if before := row.enrichment.get("before"):
        return datetime.fromisoformat(before[0]["decided_at"])
    if ASKED not in row.enrichment or (is_open(row) and row.rules):
        return row.decided_at
    return None


# Deciding -----------------------------------------------------------------------------------------------------------


def verdicts(ask: Ask | None) -> list[Verdict]:
    """Who asked and why, as the first thing that the decision rests on; and what has overtaken the signal since."""
    if ask is None:
        return []
    given = Verdict(RULE, PASS, f"asked by {ask.by}: {ask.reason}", "a person")
    if ask.overtaken:
        return [given, Verdict("superseded", FAIL, ask.overtaken, "none", f"superseded: {ask.overtaken}")]
    return [given]


def store(ask: Ask, decisions: Sequence[Decision]) -> None:
    """Puts the new decisions in the place of those they were asked for; to be called before their orders are stored."""
    decided = {row.account_id: row for row in decisions}
    for account, old in ask.decisions.items():
        new = decided.get(account)
        told = {**old.enrichment["asked"], "open": False}
        before = [*old.enrichment.get("before", []), *_kept(old)]
        if new is None:
            reason = f"{ask.by} asked for it, but the strategy no longer trades on {old.account}"
            new = Decision(outcome=Decision.Outcome.REJECTED, reason=reason[:300], decided_at=ask.at, mode=old.mode)
            new.engine, new.rules = old.engine, [verdict.to_json() for verdict in verdicts(ask)]
        new.enrichment = {**new.enrichment, "asked": told, **({"before": before} if before else {})}
        for name in _WRITTEN:
            setattr(old, name, getattr(new, name))
        old.save(update_fields=_WRITTEN)
        new.pk, new._state.adding = old.pk, False


_WRITTEN = (
    "engine", "variant", "confidence", "views", "outcome", "intent", "mode", "reason", "rules", "enrichment",
    "decided_at",
)  # fmt: skip


def _kept(row: Decision) -> list[dict[str, Any]]:
    """The decision as it was; nothing of one that was made with the ask itself."""
    if not row.rules:
        return []
    return [
        {
            "decided_at": clock.iso_ms(row.decided_at),
            "outcome": row.outcome,
            "intent": row.intent,
            "reason": row.reason,
            "rules": row.rules,
        }
    ]


# Superseded ---------------------------------------------------------------------------------------------------------


def overtaken(item: WorkItem, alert: Alert, *, lanes: Iterable[str] = ()) -> str:
    """The newer signal of the strategy and symbol that has taken this one's place, in words; empty = none has."""
    newer = WorkItem.objects.filter(strategy=item.strategy_id, lane__in={item.lane, *lanes}, pk__gt=item.pk)
    found = list(newer.select_related("signal").order_by("pk")[: _MOST_NEWER + 1])
    for row in found:
        if _overtakes(Alert.from_json(row.signal.data), alert):
            return f"{_name(row.signal)} came at {clock.iso_ms(row.signal.received_at)}"
    return f"more than {_MOST_NEWER} newer signals have come" if len(found) > _MOST_NEWER else ""


def _name(signal: Signal) -> str:
    return f"{signal.action} {signal.symbol}"


def _overtakes(newer: Alert, older: Alert) -> bool:
    """An exit or a target is of its moment: whatever came after it counts. An entry stays what it is while nothing
    else than entries of the same side has come.
    """
    if newer.action in (HEARTBEAT, "cancel") or (newer.dry_run and not older.dry_run):
        return False
    side = entry_side(older)
    return not side or side not in (entry_side(newer), newer.market_position)


def entry_side(alert: Alert) -> str:
    """The side that it enters; empty for exits, targets and reversals, which depend on what is held."""
    if alert.market_position or alert.reduce_only or alert.action in (*_CLOSES, "reverse", "cancel", HEARTBEAT):
        return ""
    said = alert.action or alert.direction
    return "long" if said in _LONG else "short" if said in _SHORT else ""
