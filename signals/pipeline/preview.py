"""What each account would get for an alert, decided by the real code and stored nowhere (S1).

For web processes too: they may open no credentials, so balances are those that a trade worker read last; instruments
and prices need none. A venue that is slow is waited for only so long, and then named.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from django.db import connections

from accounts.brokers.base import Balance, Broker
from accounts.models import Account, AccountBalance
from signals import receive
from signals.models import Strategy, WorkItem
from signals.portfolio import exposure
from signals.receive import Alert
from signals.risk import facts, switch
from signals.strategies.actions import Leg
from tradeops.core import money
from tradeops.core.money import ZERO

from . import for_account, gather, planned, plans
from .desk import Desk
from .gather import Case, Outlook
from .plans import Plan

PATIENCE_SECONDS = 3.0
_MOST_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One account: how the ticker looks there, and what would be done. `reason` is the decision's, in a sentence."""

    look: Outlook
    legs: list[tuple[Leg, Decimal]]  # with the quantity in whole lots, as it would be sent
    approved: bool
    reason: str
    rules: list[dict[str, str | None]] = field(default_factory=list)


def of(strategy: Strategy, alert: Alert, *, now: datetime, seconds: float = PATIENCE_SECONDS) -> list[Shown]:
    """In the order of the accounts' slugs; none where the ticker is not mapped. Raises ConfigurationError."""
    plan = plans.of(strategy.pk)
    signal = receive.new(
        source_id=None, alert=alert, raw={}, routes=[strategy.slug], request_id="preview", address=None, size=0,
        received_at=now,
    )  # fmt: skip
    item = WorkItem(signal=signal, strategy=plan.strategy, lane=plan.lane(alert.symbol), due_at=now)
    case = gather.relay_case(item, signal, plan)
    return [] if case.mapped is None else of_case(case, plan, now=now, seconds=seconds)


def of_case(case: Case, plan: Plan, *, now: datetime, seconds: float = PATIENCE_SECONDS) -> list[Shown]:
    """The accounts of the plan, in the order of their slugs."""
    case = gather.grounded(case, now=now)
    case = replace(case, outlooks=_looks(case, plan, now=now, seconds=seconds))
    switches = switch.read()
    known = facts.read(strategy=plan.strategy, accounts=[look.account for look in case.outlooks], now=now)
    held = exposure.read()
    return [
        _shown(Desk(case=case, look=look, exposure=held, switches=switches, now=now, facts=known))
        for look in case.outlooks
    ]


def _shown(desk: Desk) -> Shown:
    plan, _ = planned.plan(desk)
    decision = for_account.decide(desk).decision
    lot = desk.look.instrument.lot if desk.look.instrument else ZERO
    legs = [(leg, money.floor_to(leg.quantity, lot)) for leg in plan.legs]
    approved = decision.outcome == "APPROVED"
    return Shown(look=desk.look, legs=legs, approved=approved, reason=decision.reason, rules=decision.rules)


def _looks(case: Case, plan: Plan, *, now: datetime, seconds: float) -> list[Outlook]:
    """Those whose venue does not answer in time are shown without prices."""
    remote = [account for account in plan.accounts if gather.is_remote_account(account, case.strategy)]
    found = {
        account.pk: gather.outlook(case, plan, account, now=now) for account in plan.accounts if account not in remote
    }
    if remote:
        found |= _asked(case, plan, remote, now=now, seconds=seconds)
    late = f"the venue did not answer within {seconds:g} s"
    return [found.get(account.pk) or _unknown(case, plan, account, problem=late) for account in plan.accounts]


def _asked(case: Case, plan: Plan, accounts: list[Account], *, now: datetime, seconds: float) -> dict[int, Outlook]:
    def ask(account: Account) -> Outlook:
        try:
            return gather.outlook(case, plan, account, now=now, balances=_stored)
        finally:
            connections.close_all()

    pool = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="preview")
    try:
        asked = {pool.submit(ask, account): account for account in accounts}
        done, _ = wait(asked, timeout=seconds)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    answers = {asked[one]: one for one in done}
    return {
        account.pk: _unknown(case, plan, account, str(error)) if (error := one.exception()) else one.result()
        for account, one in answers.items()
    }


def _unknown(case: Case, plan: Plan, account: Account, problem: str) -> Outlook:
    mapped = case.mapped.on(account.slug) if case.mapped else None
    return Outlook(account=account, mapped=mapped, member=plan.members.get(account.pk), problem=problem)


def _stored(account: Account, broker: Broker) -> Mapping[str, Balance]:
    """As they were read from the venue last."""
    rows = AccountBalance.objects.filter(account=account)
    return {row.currency: Balance(total=row.total, free=row.free) for row in rows}
