"""A heartbeat is compared with what each account really holds; it trades only where `heal: trade` (I13).

It never acts on old news, nor while an order of the position is under way: what is held is about to change then, and
the next heartbeat tells. Endpoints tell nobody what they hold: with `heal: trade` the heartbeat is relayed as the
target position that it is, else it is not relayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Account
from relay.models import Endpoint
from signals.models import Decision, Order, Strategy
from signals.risk import gate
from signals.risk.base import FAIL, PASS, Proposal, Verdict
from signals.risk.switch import Switches
from signals.strategies import heartbeat
from signals.strategies.heartbeat import HEARTBEAT, Comparison
from tradeops.core import rows
from tradeops.core.money import ZERO

from . import differences, for_account, for_endpoint, planned, proposals
from .desk import Desk
from .differences import Finding
from .for_account import Ruling
from .gather import Case

COMPARE = "compare"  # a decision's intent


@dataclass(frozen=True)
class Heard(Ruling):
    """A ruling, and what was found out if the account was compared."""

    finding: Finding | None = None


def is_one(case: Case) -> bool:
    return case.alert.action == HEARTBEAT


def decide_for_account(desk: Desk) -> Heard:
    """Not stored yet, as `for_account.decide`; the scope locks must be held."""
    case = desk.case
    verdicts = _preconditions(case, account=desk.look.account.slug, now=desk.now)
    failed = [verdict for verdict in verdicts if not verdict.passed]
    if failed:
        return Heard(_decision(case, verdicts, reason=failed[0].reason, now=desk.now, account=desk.look.account), [])
    why_not = _not_compared(desk)
    if why_not:
        verdicts.append(Verdict("position", PASS, None, case.alert.market_position))
        return Heard(_decision(case, verdicts, reason=why_not, now=desk.now, account=desk.look.account), [])
    return _compared(desk, verdicts)


def decide_for_endpoints(case: Case, *, switches: Switches, now: datetime) -> list[Decision]:
    return [decide_for_endpoint(case, endpoint, switches=switches, now=now) for endpoint in case.endpoints]


def decide_for_endpoint(case: Case, endpoint: Endpoint, *, switches: Switches, now: datetime) -> Decision:
    if case.strategy.heal == Strategy.Heal.TRADE and not _failed(_preconditions(case, now=now)):
        return for_endpoint.decide(case, endpoint, switches=switches, now=now)
    verdicts = _preconditions(case, now=now)
    reason = next((verdict.reason for verdict in _failed(verdicts)), "")
    reason = reason or "a heartbeat is not relayed: the strategy's heal is alert"
    return _decision(case, verdicts, reason=reason, now=now, endpoint=endpoint)


def tell(case: Case, rulings: Sequence[Ruling], *, now: datetime) -> None:
    """Keeps the differences and tells of new ones; what agrees is not told (in the deciding transaction)."""
    for ruling in rulings:
        if isinstance(ruling, Heard) and ruling.finding is not None:
            differences.note(case, ruling.finding, now=now)


def _failed(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if not verdict.passed]


def _preconditions(case: Case, *, now: datetime, account: str = "") -> list[Verdict]:
    """Mode, age and symbol. A heartbeat is as old as an entry may be, also where it says `flat`: a late one would
    raise a false alarm, or close what was opened since."""
    proposal = Proposal(
        now=now,
        reduces=True,
        strategy=case.strategy.slug,
        account=account,
        age_seconds=proposals.age(case, now),
        max_age_seconds=case.strategy.max_age_seconds,
        ticker=case.alert.symbol,
        symbol=case.mapped.symbol if case.mapped else "",
    )
    return [proposals.mode(case), *gate.judge(proposal)]


def _not_compared(desk: Desk) -> str:
    """Why there is nothing to compare; empty = there is."""
    case, account = desk.case, desk.look.account
    if case.dry_run or account.dry_run:
        return "not compared: a dry run holds nothing"
    if case.strategy.mode == Strategy.Mode.PAPER and not account.is_paper:
        return f"not compared: {desk.look.problem}"
    if account.retired_at is not None or not account.active:
        return f"not compared: {account.slug} is {'paused' if account.retired_at is None else 'retired'}"
    if (account.pk, desk.key.symbol) in desk.exposure.in_doubt or _orders_under_way(desk):
        return "not compared: an order is under way; the next heartbeat tells"
    return ""


def _orders_under_way(desk: Desk) -> bool:
    """Entries and exits of this very position, resting ones too; by the partial index `signals_order_live`."""
    return bool(
        rows.select(
            Order,
            "id",
            where="status IN ('PENDING', 'SUBMITTED', 'OPEN', 'PARTIALLY_FILLED', 'UNKNOWN')"
            " AND strategy_id = %s AND symbol = %s AND account_id = %s LIMIT 1",
            params=[desk.key.strategy, desk.key.symbol, desk.key.account],
        )
    )


def _compared(desk: Desk, verdicts: list[Verdict]) -> Heard:
    found, heal = _comparison(desk), desk.case.strategy.heal
    if found.same:
        verdict, reason = Verdict("position", PASS, found.held, found.told), f"{found.held}, as the heartbeat says"
        return _heard(desk, found, [*verdicts, verdict], reason)
    sized = desk.case.strategy.target_size != Strategy.TargetSize.DIRECTION
    if heal == Strategy.Heal.TRADE and (found.sides_differ or sized):
        return _healed(desk, found)
    why = "the strategy's heal is alert" if heal == Strategy.Heal.ALERT else "only a wrong side is healed, not a size"
    reason = f"it holds {found.held}, the heartbeat says {found.told}; nothing is traded: {why}"
    return _heard(desk, found, [*verdicts, Verdict("position", FAIL, found.held, found.told, reason)], reason)


def _heard(desk: Desk, found: Comparison, verdicts: list[Verdict], reason: str) -> Heard:
    account = desk.look.account
    decision = _decision(desk.case, verdicts, reason=reason, now=desk.now, account=account)
    return Heard(decision, [], Finding(account, desk.key.symbol, found, reason))


def _comparison(desk: Desk) -> Comparison:
    case, look = desk.case, desk.look
    return heartbeat.compare(
        told=case.alert.market_position,
        size=planned.told(desk),
        held=planned.held(desk),
        market=look.account.market,
        lot=look.instrument.lot if look.instrument else ZERO,
    )


def _healed(desk: Desk, found: Comparison) -> Heard:
    """The difference goes the way of every target position: all rules, all limits."""
    ruling = for_account.decide(desk)
    decision = ruling.decision
    end = "it is traded now" if ruling.orders else f"it is not traded: {decision.reason}"
    decision.reason = f"it holds {found.held}, the heartbeat says {found.told}; {end}"[:300]
    decision.rules = [Verdict("position", PASS, found.held, found.told).to_json(), *decision.rules]
    return Heard(decision, ruling.orders, Finding(desk.look.account, desk.key.symbol, found, decision.reason))


def _decision(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    reason: str,
    now: datetime,
    account: Account | None = None,
    endpoint: Endpoint | None = None,
) -> Decision:
    """Approved means that it is as it should be, or that there was nothing to see; no order follows either way."""
    failed = _failed(verdicts)
    return Decision(
        signal=case.signal,
        strategy=case.strategy,
        account=account,
        endpoint=endpoint,
        engine=case.engine,
        outcome=Decision.Outcome.REJECTED if failed else Decision.Outcome.APPROVED,
        intent=COMPARE,
        mode=Order.Mode.DRY_RUN if case.dry_run else case.strategy.mode,
        reason=reason[:300],
        rules=[verdict.to_json() for verdict in verdicts],
        decided_at=now,
    )
