"""The decision for one account: what the instruction means there, how much, and whether every rule lets it pass."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from accounts.brokers.base import Quote
from accounts.models import Account
from signals.execution.orders import Ticket, build
from signals.models import Decision, Order, Strategy
from signals.risk import gate
from signals.risk.base import FAIL, PASS, Verdict
from signals.strategies.actions import Leg, Plan
from signals.strategies.terms import MARKET, Terms
from tradeops.core import rows
from tradeops.core.money import OrderType

from . import asked, enriched, mark, opinionated, planned, proposals, proposed, wanted
from .desk import Desk
from .gather import Case


@dataclass(frozen=True)
class Ruling:
    """A decision and the PENDING orders that follow from it, both not stored yet.

    `shadow` is what an experiment's other engine would have done: it makes no order and takes no room.
    """

    decision: Decision
    orders: list[Order]
    shadow: Decision | None = field(default=None, kw_only=True)


def decide(desk: Desk) -> Ruling:
    """The scope locks must be held: what the rules see must not change until the ruling is stored."""
    shadow = None
    if desk.case.shadow and desk.case.ask is None:
        shadow = _ruling(replace(desk, speaks=desk.case.shadow)).decision
        shadow.shadow = True
    found = replace(_ruling(desk), shadow=shadow)
    desk.exposure.approve(found.orders)
    mark.held(desk)
    return found


def _ruling(desk: Desk) -> Ruling:
    case, account = desk.case, desk.look.account
    verdicts, plan, terms = _judge(desk)
    failed = [verdict for verdict in verdicts if not verdict.passed]
    if failed and _still_closes(desk, plan):
        # What only reduces is never held back by what forbids the opening that was to follow (D3).
        plan = Plan(tuple(leg for leg in plan.legs if leg.intent == "close"), reason=f"closes only: {failed[0].reason}")
        failed, terms = [], [MARKET] * len(plan.legs)
    decision = rows.make(
        Decision,
        engine=desk.engine,
        variant=desk.variant,
        confidence=desk.opinion.confidence,
        views=[view.to_json() for view in desk.opinion.views],
        outcome=(Decision.Outcome.REJECTED if failed else Decision.Outcome.APPROVED).value,
        intent="+".join(dict.fromkeys(leg.intent for leg in plan.legs)),
        mode=_mode(case, account).value,
        reason=(failed[0].reason if failed else plan.reason or "all rules passed")[:300],
        rules=[verdict.to_json() for verdict in verdicts],
        enrichment=enriched.of(desk),
        decided_at=desk.now,
    )
    decision.signal, decision.strategy, decision.account = case.signal, case.strategy, account
    legs = [] if failed else list(zip(plan.legs, terms, strict=True))
    orders = [_order(desk, decision, leg, number, how) for number, (leg, how) in enumerate(legs, desk.first_leg)]
    return Ruling(decision, orders)


def _order(desk: Desk, decision: Decision, leg: Leg, number: int, terms: Terms) -> Order:
    case = desk.case
    ttl = case.strategy.order_ttl_seconds
    rests = leg.intent == "open" and terms.type is not OrderType.MARKET
    ticket = Ticket(
        decision=decision,
        signal=case.signal,
        strategy=case.strategy,
        account=desk.look.account,
        mode=Order.Mode(decision.mode),
        symbol=desk.key.symbol,
        leg=leg,
        number=number,
        quote=desk.look.quote or _last_mark(desk),
        expires_at=proposals.born(case) + timedelta(seconds=case.strategy.max_age_seconds),
        terms=terms,
        cancel_after=desk.now + timedelta(seconds=ttl) if ttl and rests else None,
    )
    return build(ticket, now=desk.now)


def _judge(desk: Desk) -> tuple[list[Verdict], Plan, list[Terms]]:
    """The verdicts, what is to be done, and how each leg of it is executed."""
    case = desk.case
    plan, problem = planned.plan(desk)
    opens = proposed.opening(plan)
    # A reversal is judged by what it opens; what only reduces, by the few rules that bind exits; and so is a target
    # that is reached: what forbids an opening has nothing to hold back there.
    idle = not problem and desk.look.mapped is not None
    reduces = opens is None and (bool(plan.legs) or case.reduces or idle)
    terms, unclear = wanted.read(case, desk.look, plan, planned.basis(desk) if desk.look.mapped else None)
    said = opinionated.of_account(desk, opens)
    first = [
        proposals.mode(case),
        *proposals.approval(case),
        *_venue(desk, plan, reduces=reduces),
        *problem,
        *unclear,
        *said,
    ]
    return [*first, *gate.judge(proposed.proposal(desk, plan, reduces=reduces))], plan, terms


def _venue(desk: Desk, plan: Plan, *, reduces: bool) -> list[Verdict]:
    """What this account's broker cannot do is refused before any network call (X1)."""
    case, look = desk.case, desk.look
    if look.problem:
        return _out_of_reach(desk)
    too_much = asked.beyond(case.alert, look.account, look.mapped, reduces=reduces)
    if too_much and not (reduces and wanted.is_reached(case, look, plan)):
        reason = f"{look.account.broker} accounts cannot do this here: {too_much}"
        return [Verdict("capability", FAIL, too_much, look.account.broker, reason)]
    return [Verdict("capability", PASS, case.alert.order_type, look.account.broker)]


def _out_of_reach(desk: Desk) -> list[Verdict]:
    look = desk.look
    return [Verdict("instrument", FAIL, desk.key.symbol or None, look.account.broker, look.problem)]


def _still_closes(desk: Desk, plan: Plan) -> bool:
    """Whether the closing part of a rejected reversal may go alone: at market, which every broker can."""
    if len({leg.intent for leg in plan.legs}) < 2:
        return False
    alone = [proposals.mode(desk.case), *(_out_of_reach(desk) if desk.look.problem else [])]
    alone += gate.judge(proposed.proposal(desk, plan, reduces=True))
    return all(verdict.passed for verdict in alone)


def _last_mark(desk: Desk) -> Quote | None:
    """Exits need no quote; a simulated venue still has to fill at something: the last mark, with its own time."""
    rows = desk.exposure.held(desk.key).values()
    return next((quote for row in rows if (quote := proposals.mark_quote(row))), None)


def _mode(case: Case, account: Account) -> Order.Mode:
    if case.dry_run or account.dry_run:
        return Order.Mode.DRY_RUN
    if case.strategy.mode == Strategy.Mode.PAPER or account.is_paper:
        return Order.Mode.PAPER
    return Order.Mode.LIVE
