"""One work item decided for every account and endpoint of its strategy, in one transaction (DESIGN §2.3, D4).

The transaction locks the risk scopes, asks all rules, and stores decisions, orders, relay messages and the end of
the item together: a killed worker leaves either all of it or nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db import transaction

from relay import services as relay
from signals.execution import orders
from signals.models import Decision, Order, Signal, WorkItem
from signals.portfolio import exposure
from signals.risk import switch
from tradeops.core import clock, events, rows, wake
from tradeops.core.events import Event, Level

from . import for_account, for_endpoint, heartbeat, outcome, work
from .for_account import Desk
from .gather import Case, gather


def decide(item: WorkItem) -> list[Order]:
    """Returns the new orders, PENDING; none too if another worker took the item."""
    case = gather(item, now=clock.now())
    with transaction.atomic():
        now = clock.now()
        if not work.finish(item):
            return []
        accounts = [look.account.slug for look in case.outlooks]
        switches = switch.lock(strategies=[case.strategy.slug], accounts=accounts)
        held = exposure.read()
        beats = heartbeat.is_one(case)
        by_account = heartbeat.decide_for_account if beats else for_account.decide
        by_endpoint = heartbeat.decide_for_endpoint if beats else for_endpoint.decide
        rulings = [
            by_account(Desk(case=case, look=look, exposure=held, switches=switches, now=now)) for look in case.outlooks
        ]
        decisions = [ruling.decision for ruling in rulings]
        decisions += [by_endpoint(case, one, switches=switches, now=now) for one in case.endpoints]
        rows.insert_all(decisions)
        made = [order for ruling in rulings for order in ruling.orders]
        orders.store(made)
        _settle_signal(case, decisions, now=now)
        if beats:
            heartbeat.tell(case, rulings, now=now)
        _tell(case, decisions, now=now)
        wake.notify()
    return made


def _settle_signal(case: Case, decisions: list[Decision], *, now: datetime) -> None:
    """The signal's status once its last strategy is decided."""
    states = _states_elsewhere(case) if len(case.signal.routes) > 1 else set()
    if WorkItem.State.WAITING in states:
        return
    if states:
        decisions = list(Decision.objects.filter(signal=case.signal))
    status = Signal.Status.FAILED if WorkItem.State.FAILED in states else outcome.status_of(decisions)
    relayed = any(_is_relayed(row) for row in decisions)
    signal = case.signal
    signal.status, signal.decided_at = status, now
    signal.relay = Signal.Relay.PENDING if relayed else signal.relay
    rows.update(signal, "status", "decided_at", "relay")


def _is_relayed(decision: Decision) -> bool:
    approved = decision.outcome == Decision.Outcome.APPROVED
    return approved and decision.endpoint_id is not None and decision.intent == for_endpoint.RELAY


def _states_elsewhere(case: Case) -> set[str]:
    others = WorkItem.objects.filter(signal=case.signal).exclude(pk=case.item.pk)
    return set(others.values_list("state", flat=True))


def _tell(case: Case, decisions: list[Decision], *, now: datetime) -> None:
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
        approved = [row for row in approved if _is_relayed(row)]
        event = replace(event, name="heartbeat.relayed", title=f"The heartbeat {name} is relayed: {_counted(approved)}")
        if not approved:
            return
    if not approved:
        reason = decisions[0].reason if decisions else "the strategy has neither accounts nor endpoints"
        title = f"{case.strategy.slug} rejected {name}: {reason}"
        events.publish(
            replace(event, name="signal.rejected", level=Level.WARNING, title=title, body={"reason": reason})
        )
        return
    data = {
        **case.alert.to_json(),
        "strategy": case.strategy.slug,
        "symbol": event.symbol,
        "ticker": case.alert.symbol,
    }
    targets = [
        relay.Target(endpoint_id=row.endpoint_id, dry_run=row.mode != "live")
        for row in approved
        if row.endpoint_id and _is_relayed(row)
    ]
    relay.relay(
        event=replace(event, body={"data": data, "raw": case.signal.raw}),
        subject=case.signal.public_id,
        type="signal",
        lane=case.item.lane,
        endpoints=targets,
        reduces=case.reduces,
        expires_at=for_endpoint.gives_up_at(case),
        now=now,
    )


def _counted(approved: list[Decision]) -> str:
    """For people: `2 accounts, 1 endpoint`."""
    accounts = sum(row.account_id is not None for row in approved)
    counts = ((accounts, "account"), (len(approved) - accounts, "endpoint"))
    return ", ".join(f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count)
