"""What is said of a decision: to the endpoints what to do, to people what was made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from relay import services as relay
from signals.models import Decision
from signals.risk.base import PASS
from tradeops.core import events
from tradeops.core.events import Event, Level

from . import for_endpoint, heartbeat
from .gather import Case
from .settle import is_relayed

TOLD_ONCE = ("halted", "maintenance")
Word = relay.Dispatch | Event


def word(case: Case, decisions: Sequence[Decision], *, now: datetime) -> Word | None:
    """A message with its endpoints, a warning, or nothing; written by `tell`."""
    approved = [row for row in decisions if row.outcome == Decision.Outcome.APPROVED]
    name = f"{case.alert.action or case.alert.market_position or case.alert.direction} {case.alert.symbol}"
    event = Event(
        name="signal.approved",
        at=now,
        title=f"{case.strategy.slug} takes {name}: {_counted(approved)}",
        signal=case.signal.public_id,
        strategy=case.strategy.slug,
        symbol=case.mapped.symbol if case.mapped else case.alert.symbol,
        request_id=case.signal.request_id,
    )
    if heartbeat.is_one(case):
        # What was found out is told once; only a target position that is to be relayed needs its message.
        approved = [row for row in approved if is_relayed(row)]
        event = replace(event, name="heartbeat.relayed", title=f"The heartbeat {name} is relayed: {_counted(approved)}")
        if not approved:
            return None
    if not approved:
        reason = decisions[0].reason if decisions else "the strategy has neither accounts nor endpoints"
        title = f"{case.strategy.slug} rejected {name}: {reason}"
        level = Level.INFO if _known(decisions) else Level.WARNING
        return replace(event, name="signal.rejected", level=level, title=title, body={"reason": reason})
    return _dispatch(case, event, approved)


def _known(decisions: Sequence[Decision]) -> bool:
    """Whether people were told of the cause once: a strategy that loops is one alert, not one for each signal."""
    rules = [rule for row in decisions for rule in row.rules if rule["rule"] in TOLD_ONCE]
    return any(rule["verdict"] != PASS for rule in rules)


def tell(words: Iterable[Word | None], *, now: datetime) -> None:
    """Writes them, in the transaction of the decisions."""
    said = list(words)
    events.publish_all([one for one in said if isinstance(one, Event)])
    dispatches = [one for one in said if isinstance(one, relay.Dispatch)]
    if dispatches:
        relay.relay_many(dispatches, now=now)


def _dispatch(case: Case, event: Event, approved: Sequence[Decision]) -> relay.Dispatch:
    data = {
        **case.signal.data,
        "strategy": case.strategy.slug,
        "symbol": event.symbol,
        "ticker": case.alert.symbol,
    }
    held = for_endpoint.held(case, now=event.at)
    return relay.Dispatch(
        event=replace(event, body={"data": data, "raw": case.signal.raw}),
        subject=case.signal.public_id,
        type="signal",
        lane=case.item.lane,
        endpoints=[
            relay.Target(
                endpoint_id=row.endpoint_id,
                dry_run=row.mode != "live",
                group_id=case.groups.get(row.endpoint_id),
                hold_until=held.get(row.endpoint_id),
            )
            for row in approved
            if row.endpoint_id and is_relayed(row)
        ],
        reduces=case.reduces,
        expires_at=for_endpoint.gives_up_at(case),
    )


def _counted(approved: Sequence[Decision]) -> str:
    """For people: `2 accounts, 1 endpoint`."""
    accounts = sum(row.account_id is not None for row in approved)
    counts = ((accounts, "account"), (len(approved) - accounts, "endpoint"))
    return ", ".join(f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count)
