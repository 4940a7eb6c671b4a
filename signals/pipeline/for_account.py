"""The decision for one account: what the instruction means there, how much, and whether every rule lets it pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from accounts.brokers.base import Quote
from accounts.models import Account
from signals.execution import orders
from signals.execution.orders import Ticket
from signals.models import Decision, Order, Position, Strategy
from signals.portfolio.exposure import Book, Exposure, Key
from signals.risk import gate
from signals.risk.base import FAIL, PASS, Proposal, Verdict
from signals.risk.switch import Switches
from signals.strategies import actions, sizing
from signals.strategies.actions import Held, Leg, Plan
from tradeops.core.money import ZERO, Side

from . import proposals
from .gather import Case, Outlook


@dataclass(frozen=True)
class Ruling:
    """A decision and the PENDING orders that follow from it, both not stored yet."""

    decision: Decision
    orders: list[Order]


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One account in front of the rules: the case, the venue's outlook, and what is held and pending."""

    case: Case
    look: Outlook
    exposure: Exposure
    switches: Switches
    now: datetime

    @property
    def key(self) -> Key:
        symbol = self.case.mapped.symbol if self.case.mapped else ""
        return Key(self.case.strategy.pk, self.look.account.pk, symbol)


def decide(desk: Desk) -> Ruling:
    """The scope locks must be held: what the rules see must not change until the ruling is stored."""
    case, account = desk.case, desk.look.account
    verdicts, plan = _judge(desk)
    failed = [verdict for verdict in verdicts if not verdict.passed]
    if failed and _still_closes(desk, plan):
        # What only reduces is never held back by what forbids the opening that was to follow (D3).
        plan = Plan(tuple(leg for leg in plan.legs if leg.intent == "close"), reason=f"closes only: {failed[0].reason}")
        failed = []
    mode = _mode(case, account)
    decision = Decision(
        signal=case.signal,
        strategy=case.strategy,
        account=account,
        engine=case.strategy.engine,
        outcome=Decision.Outcome.REJECTED if failed else Decision.Outcome.APPROVED,
        intent="+".join(dict.fromkeys(leg.intent for leg in plan.legs)),
        mode=mode,
        reason=(failed[0].reason if failed else plan.reason or "all rules passed")[:300],
        rules=[verdict.to_json() for verdict in verdicts],
        enrichment=_enrichment(desk.look),
        decided_at=desk.now,
    )
    legs = () if failed else plan.legs
    ruling = Ruling(decision, [_order(desk, decision, leg, number, mode) for number, leg in enumerate(legs)])
    desk.exposure.approve(ruling.orders)
    return ruling


def _order(desk: Desk, decision: Decision, leg: Leg, number: int, mode: Order.Mode) -> Order:
    case = desk.case
    ticket = Ticket(
        decision=decision,
        signal=case.signal,
        strategy=case.strategy,
        account=desk.look.account,
        mode=mode,
        symbol=desk.key.symbol,
        leg=leg,
        number=number,
        quote=desk.look.quote or _last_mark(desk),
        expires_at=proposals.born(case) + timedelta(seconds=case.strategy.max_age_seconds),
    )
    return orders.build(ticket, now=desk.now)


def _judge(desk: Desk) -> tuple[list[Verdict], Plan]:
    case = desk.case
    plan, problem = _plan(desk)
    opens = next((leg for leg in plan.legs if leg.intent == "open"), None)
    # A reversal is judged by what it opens; what only reduces, by the few rules that bind exits.
    reduces = opens is None and (bool(plan.legs) or case.reduces)
    first = [proposals.mode(case), *_venue(desk, reduces=reduces), *problem]
    return [*first, *gate.judge(_proposal(desk, opens=opens, reduces=reduces))], plan


def _plan(desk: Desk) -> tuple[Plan, list[Verdict]]:
    """What is to be done here; or the verdict that says why nothing can be."""
    case = desk.case
    instruction = case.opinion.instruction
    if instruction is None:
        asked = case.alert.action or case.alert.direction
        return Plan(), [Verdict("action", FAIL, asked, case.strategy.engine, case.opinion.reason)]
    if case.mapped is None:
        return Plan(), []  # `allowed_symbols` says so
    try:
        size = ZERO if case.reduces else sizing.quantity(case.strategy.sizing_mode, _basis(desk))
    except sizing.NoSize as error:
        return Plan(), [Verdict("sizing", FAIL, None, case.strategy.sizing_mode, str(error))]
    plan = actions.resolve(
        instruction,
        held=held(desk),
        size=size,
        market=desk.look.account.market,
        opposite=case.strategy.opposite,
        pyramiding=case.strategy.pyramiding,
    )
    return plan, [Verdict(plan.rule, FAIL, plan.value, plan.limit, plan.reason)] if plan.rule else []


def _basis(desk: Desk) -> sizing.Basis:
    case, quote = desk.case, desk.look.quote
    assert case.mapped is not None
    price = None if quote is None else quote.bid if case.opinion.sells else quote.ask
    return sizing.Basis(value=case.strategy.sizing_value, alert=case.alert, mapped=case.mapped, price=price)


def _venue(desk: Desk, *, reduces: bool) -> list[Verdict]:
    """What this account's broker cannot do is refused before any network call (X1)."""
    case, look = desk.case, desk.look
    if look.problem:
        return [Verdict("instrument", FAIL, desk.key.symbol or None, look.account.broker, look.problem)]
    asked = "" if reduces else proposals.beyond(case.alert, look.account, case.mapped)
    if asked:
        reason = f"{look.account.broker} accounts cannot do this here: {asked}"
        return [Verdict("capability", FAIL, asked, look.account.broker, reason)]
    return [Verdict("capability", PASS, case.alert.order_type, look.account.broker)]


def _still_closes(desk: Desk, plan: Plan) -> bool:
    """Whether the closing part of a rejected reversal may go alone."""
    if len({leg.intent for leg in plan.legs}) < 2:
        return False
    alone = [proposals.mode(desk.case), *_venue(desk, reduces=True)]
    alone += gate.judge(_proposal(desk, opens=None, reduces=True))
    return all(verdict.passed for verdict in alone)


def held(desk: Desk) -> Held:
    sides = desk.exposure.held(desk.key)
    quantities = {side: row.quantity for side, row in sides.items()}
    return Held(
        long=quantities.get(Position.Side.LONG, ZERO),
        short=quantities.get(Position.Side.SHORT, ZERO),
        entries=max((row.entries for row in sides.values()), default=0),
        free_base=desk.look.free_base,
    )


def _proposal(desk: Desk, *, opens: Leg | None, reduces: bool) -> Proposal:
    case, look, strategy = desk.case, desk.look, desk.case.strategy
    proposal = Proposal(
        now=desk.now,
        reduces=reduces,
        strategy=strategy.slug,
        account=look.account.slug,
        age_seconds=proposals.age(case, desk.now),
        max_age_seconds=strategy.exit_max_age_seconds if reduces else strategy.max_age_seconds,
        ticker=case.alert.symbol,
        symbol=desk.key.symbol,
        quote_currency=look.instrument.quote if look.instrument else "",
        account_currency=look.account.currency,
        quantity=ZERO,
        quote=look.quote,
        quote_problem=look.quote_problem,
        max_price_age_seconds=strategy.max_price_age_seconds,
        account_problem=_problem(desk),
        switches_on=desk.switches.stopping(strategy=strategy.slug, account=look.account.slug),
        book=Book(desk.key, desk.exposure),
    )
    if opens is None:
        return proposal
    present = desk.exposure.held(desk.key).get(opens.position_side)
    return replace(
        proposal,
        side=opens.side,
        quantity=opens.quantity,
        price=_far_side(look.quote, opens.side),
        position_quantity=present.quantity if present else ZERO,
    )


def _far_side(quote: Quote | None, side: Side) -> Decimal | None:
    if quote is None:
        return None
    return quote.ask if side is Side.BUY else quote.bid


def _problem(desk: Desk) -> str:
    """Why the account takes no entries; empty = it does."""
    account = desk.look.account
    if account.retired_at is not None:
        return "retired"
    if not account.active:
        return "paused"
    if account.frozen_reason:
        return f"frozen ({account.frozen_reason})"
    if (account.pk, desk.key.symbol) in desk.exposure.in_doubt:
        return "waiting for the venue to tell what became of an order"
    return ""


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


def _enrichment(look: Outlook) -> dict[str, object]:
    if look.quote is None:
        return {"quote": None, "problem": look.quote_problem}
    return {"quote": {**orders.quote_to_json(look.quote), "spread": str(look.quote.ask - look.quote.bid)}}
