"""One work item decided for every account and endpoint of its strategy, in one transaction (DESIGN §2.3, D4).

The transaction locks the risk scopes, asks all rules, and stores decisions, orders, relay messages and the end of
the item together: a killed worker leaves either all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from signals.execution import orders
from signals.models import Decision, Order, WorkItem
from signals.portfolio import exposure
from signals.risk import facts, halts, switch
from signals.risk.base import FAIL
from signals.risk.rules.max_orders_per_minute import MaxOrdersPerMinute
from signals.risk.switch import Switches
from tradeops.core import clock, failpoints, rows, wake

from . import approvals, for_account, for_endpoint, heartbeat, members, missing, ordering, proposed, work
from .desk import Desk
from .for_account import Ruling
from .gather import Case, gather
from .settle import settle
from .tell import tell, word


def decide(item: WorkItem) -> list[Order]:
    """Returns the new orders, PENDING; none too if another worker took the item, or another signal has to act first."""
    try:
        return _decide(item)
    except ordering.NotYet as wait:
        work.release(item, due_at=wait.until)
    except ordering.Moved:
        work.release(item, due_at=clock.now())
    return []


def _decide(item: WorkItem) -> list[Order]:
    case = approvals.resumed(gather(item, now=clock.now()))
    proposed.ahead(case, now=clock.now())
    with transaction.atomic():
        now = clock.now()
        if not work.finish([item]):
            return []
        slugs = [look.account.slug for look in case.outlooks]
        switches = switch.lock(strategies=[case.strategy.slug], accounts=slugs)
        ordering.confirm(item, case.mapped, case.turn)
        case = _once_more(case)
        if case.approval is None:  # what a person has said yes to has moved it already
            ordering.stand(item, case.alert, case.mapped, case.turn, now=now)
        held = exposure.read()
        accounts = [] if case.reduces else [look.account for look in case.outlooks]
        known = facts.read(strategy=case.strategy, accounts=accounts, now=now)
        beats = heartbeat.is_one(case)
        by_account = heartbeat.decide_for_account if beats else for_account.decide
        by_endpoints = heartbeat.decide_for_endpoints if beats else for_endpoint.decide_all
        rulings = [
            by_account(
                Desk(
                    case=case, look=look, exposure=held, switches=switches, now=now, facts=known,
                    agreed=approvals.opening(case, look.account.slug), first_leg=approvals.first_leg(case),
                )
            )
            for look in case.outlooks
        ]  # fmt: skip
        switches = _halted(case, rulings, switches, now=now)
        relayed = by_endpoints(case, switches=switches, now=now)
        if not beats:
            approvals.supersede(item, case.strategy, now=now)
            if approvals.wanted(case, rulings, relayed):
                made = approvals.ask(case, rulings, relayed, now=now)
                wake.notify()
                return made
        decisions = [ruling.decision for ruling in rulings] + relayed
        new = _new(case, decisions)
        rows.insert_all([*new, *(ruling.shadow for ruling in rulings if ruling.shadow is not None)])
        made = [order for ruling in rulings for order in ruling.orders]
        orders.store(made)
        members.begin(case, made, now=now)
        failpoints.reached("orders.after_store")
        others = len(case.signal.routes) > 1 or case.approval is not None or case.ask is not None
        shared = [item.signal_id] if others else []
        settle({item.signal_id: decisions}, shared=shared, now=now)
        if beats:
            heartbeat.tell(case, rulings, now=now)
        tell([word(case, decisions, now=now)], now=now)
        wake.notify()
    failpoints.reached("decide.after_commit")
    return made


def _once_more(case: Case) -> Case:
    """What a person has asked for, with what has overtaken it until this moment (U2)."""
    if case.ask is None:
        return case
    return replace(case, ask=replace(case.ask, overtaken=missing.overtaken(case.item, case.alert)))


def _new(case: Case, decisions: list[Decision]) -> list[Decision]:
    """Those that are to be inserted; the others are written into what is stored already."""
    if case.ask is not None:
        missing.store(case.ask, decisions)
        return []
    return approvals.add(case, decisions) if case.approval is not None else decisions


def _halted(case: Case, rulings: Sequence[Ruling], switches: Switches, *, now: datetime) -> Switches:
    """One order too many within a minute halts the strategy (D3), for its endpoints in this very decision."""
    for ruling in rulings:
        for rule in ruling.decision.rules:
            if rule["rule"] == MaxOrdersPerMinute.slug and rule["verdict"] == FAIL:
                reason = f"{rule['value']} orders within a minute, the limit is {rule['limit']}"
                halts.halt(strategy=case.strategy.slug, reason=reason, now=now)
                return switches.with_halt(case.strategy.slug)
    return switches
