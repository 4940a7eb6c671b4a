"""*Run for missing accounts*: what a stored signal would do now where it has no order, and the ask for it (U2).

Nothing is decided here: the ask puts the signal's item back into its lane, and a worker decides it by the rules and
prices of then, for these accounts only. Who has an order of the signal is never asked again, whatever became of that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from accounts.models import Account
from accounts.selectors import belong_together
from signals.models import Approval, Decision, Order, Signal, WorkItem
from signals.receive import Alert
from signals.risk import switch
from signals.strategies.heartbeat import HEARTBEAT
from tradeops.core import events, wake
from tradeops.core.errors import ConfigurationError, Conflict, Refused, TradeOpsError
from tradeops.core.events import Event, Level

from . import gather, missing, plans, preview
from .missing import Ask
from .plans import Plan
from .preview import Shown

State = WorkItem.State


@dataclass(frozen=True, kw_only=True)
class Missing:
    """An account without an order of the signal; `why` it had none, `decision` what was decided then, if anything."""

    account: Account
    why: str
    decision: Decision | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """One strategy's part of a signal; `refused`: why it cannot be run, in a sentence. Empty = it can."""

    item: WorkItem
    plan: Plan
    accounts: Sequence[Missing] = ()
    refused: str = ""

    @property
    def strategy(self) -> str:
        return self.plan.strategy.slug


@dataclass
class Result:
    """What was asked for of one strategy; `problem` says why not, `again` that this very request was carried out."""

    strategy: str
    accounts: list[str] = field(default_factory=list)
    problem: str = ""
    again: bool = False


def parts(signal: Signal, *, seen: Collection[int] | None = None) -> list[Part]:
    """Those strategies of the signal that have accounts without an order of it.

    `seen`: the accounts (primary keys) that may be shown; None = all.
    """
    items = WorkItem.objects.filter(signal=signal).select_related("signal", "strategy").order_by("strategy__slug")
    found = [_part(item, seen=seen) for item in items]
    return [part for part in found if part.accounts]


def _part(item: WorkItem, *, seen: Collection[int] | None) -> Part:
    plan = plans.of(item.strategy_id)
    decided = {row.account_id: row for row in missing.of_accounts(item)}
    ordered = set(
        Order.objects.filter(signal=item.signal_id, strategy=item.strategy_id).values_list("account", flat=True)
    )
    wanted = {one.pk: one for one in (gather.traded(account, plan.strategy) for account in plan.accounts)}
    accounts = [
        Missing(account=one, why=_why(item, decided.get(pk)), decision=decided.get(pk))
        for pk, one in wanted.items()
        if pk not in ordered and (seen is None or pk in seen)
    ]
    return Part(item=item, plan=plan, accounts=accounts, refused=_refused(item, plan, decided.values()))


def _why(item: WorkItem, decision: Decision | None) -> str:
    if decision is not None:
        return decision.reason or decision.outcome
    if item.state == State.FAILED:
        return f"it could not be decided: {item.error}"
    return "it was not one of the strategy's accounts then" if item.state == State.DONE else "it is not decided yet"


def _refused(item: WorkItem, plan: Plan, decided: Iterable[Decision]) -> str:
    alert = Alert.from_json(item.signal.data)
    if alert.action in (HEARTBEAT, "cancel"):
        return f"a {alert.action} makes no orders of its own"
    if item.state == State.ASKING:
        return "it waits for a person's yes: answer that first"
    if item.state == State.WAITING:
        asked = next((row.enrichment["asked"] for row in decided if missing.is_open(row)), None)
        return f"{asked['by']} has asked for it already; it is being decided" if asked else "it is being decided"
    if item.signal.decided_at is None:
        return "another strategy of the signal is not decided yet"
    said_no = Approval.objects.filter(item=item, status=Approval.Status.REFUSED).first()
    if said_no is not None:
        return f"{said_no.answered_by} has said no to it: {said_no.reason}"
    newer = missing.overtaken(item, alert, lanes=[plan.lane(alert.symbol)])
    return f"it is superseded: {newer}" if newer else ""


def show(part: Part, accounts: Sequence[str], *, by: str, now: datetime) -> list[Shown]:
    """What today's rules would say at today's price, of these accounts (slugs). Raises ConfigurationError.

    Uses the network as `preview` does, and stores nothing.
    """
    chosen = [one.account.pk for one in part.accounts if one.account.slug in accounts]
    case = gather.relay_case(part.item, part.item.signal, part.plan)
    case = gather.for_ask(case, Ask(by=by, reason="a preview", at=now))
    return preview.of_case(case, gather.only(part.plan, chosen), now=now)


def ask(
    *, signal: Signal, wanted: dict[str, list[str]], by: str, reason: str, request_id: str, now: datetime
) -> list[Result]:
    """`wanted`: strategy → accounts, by their slugs. No network: a worker decides, at once.

    What cannot be asked of one strategy does not keep back the others. `request_id` makes a request count once.
    """
    return [
        _ask(signal, strategy, accounts, by=by, reason=reason, request_id=request_id, now=now)
        for strategy, accounts in sorted(wanted.items())
    ]


def _ask(
    signal: Signal, strategy: str, accounts: list[str], *, by: str, reason: str, request_id: str, now: datetime
) -> Result:
    result = Result(strategy)
    try:
        with transaction.atomic():
            # As who decides does: nobody decides, and nobody else asks, until this is stored.
            switch.lock(strategies=[strategy], accounts=accounts)
            items = WorkItem.objects.select_related("signal", "strategy")
            part = _part(items.get(signal=signal, strategy__slug=strategy), seen=None)
            result.again = _is_done(part, request_id)
            if not result.again:
                chosen = _chosen(part, accounts)
                _put_back(part, chosen, by=by, reason=reason, request_id=request_id, now=now)
                _tell(part, chosen, by=by, reason=reason, now=now)
                wake.notify()
            result.accounts = accounts
    except WorkItem.DoesNotExist:
        result.problem = f"the signal is none of {strategy}'s"
    except (TradeOpsError, ConfigurationError) as error:
        result.problem = str(error)
    return result


def _is_done(part: Part, request_id: str) -> bool:
    rows = missing.of_accounts(part.item)
    return any(row.enrichment.get("asked", {}).get("request") == request_id for row in rows)


def _chosen(part: Part, accounts: list[str]) -> list[Missing]:
    """Raises Conflict and Refused."""
    if part.item.state == State.WAITING:
        raise Conflict(part.refused)
    if part.refused:
        raise Refused(part.refused, code="refused")
    known = {one.account.slug: one for one in part.accounts}
    if gone := sorted(set(accounts) - known.keys()):
        raise Conflict(f"{', '.join(gone)}: there is an order of this signal by now, or it left the strategy")
    return [known[slug] for slug in sorted(set(accounts))]


def _put_back(part: Part, chosen: Sequence[Missing], *, by: str, reason: str, request_id: str, now: datetime) -> None:
    item, strategy = part.item, part.plan.strategy
    for one in chosen:
        row = one.decision or Decision(
            signal=item.signal, strategy=strategy, account=one.account, engine=strategy.engine, mode=strategy.mode,
            outcome=Decision.Outcome.REJECTED, reason=f"asked for by {by}; not decided yet"[:300], decided_at=now,
        )  # fmt: skip
        missing.mark(row, by=by, reason=reason, request_id=request_id, at=now)
        row.save()
    WorkItem.objects.filter(pk=item.pk).update(
        state=State.WAITING, due_at=now, tries=0, claim_token="", lease_until=None, error=""
    )
    Signal.objects.filter(pk=item.signal_id).update(status=Signal.Status.PROCESSING)


def _tell(part: Part, chosen: Sequence[Missing], *, by: str, reason: str, now: datetime) -> None:
    signal, accounts = part.item.signal, [one.account.slug for one in chosen]
    names = ", ".join(accounts)
    if not belong_together(accounts):
        names, accounts = f"{len(accounts)} accounts of several clients", []
    title = f"{by} runs {signal.action} {signal.symbol} of {part.strategy} for {names}: {reason}"
    events.publish(
        Event(
            name="signal.run_again",
            at=now,
            level=Level.WARNING,
            title=title[:300],
            signal=signal.public_id,
            strategy=part.strategy,
            symbol=signal.symbol,
            request_id=signal.request_id,
            body={"by": by, "reason": reason, "accounts": accounts},
        )
    )
