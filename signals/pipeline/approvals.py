"""A person's yes before a strategy trades (D6).

What a signal would open is parked, its lane goes on, and what it closes is closed at once. On the yes it is decided by
the rules and prices of then, and its age is counted from the answer: the time to answer has taken the place of the
signal's own maximum age. A no, no answer in time, or a newer signal of the lane ends it: stored, with the rule
`approval`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from accounts.models import Account
from accounts.selectors import belong_together
from relay.models import Endpoint
from signals.execution import orders
from signals.models import Approval, Decision, Order, Strategy, WorkItem
from signals.risk import switch
from signals.risk.base import FAIL, Verdict
from signals.strategies.actions import Leg, Plan
from tradeops.core import events, money, rows, wake
from tradeops.core.errors import Conflict, Refused
from tradeops.core.events import Event, Level
from tradeops.core.money import Side

from .for_account import Ruling
from .gather import Case
from .settle import settle

RULE = "approval"
Status = Approval.Status
# A later leg of the same signal and account: the first ones closed what was held when it was asked.
LATER_LEG = 10
_WAITS = "closes at once; what it would open waits for a person's yes"


# Asking -----------------------------------------------------------------------------------------------------------


def wanted(case: Case, rulings: Sequence[Ruling], relayed: Sequence[Decision]) -> bool:
    """Whether a person has to be asked: something would be opened, here or at an endpoint, and nobody said yes yet."""
    said = case.approval is not None or case.ask is not None
    if not case.strategy.approval_seconds or said or case.reduces or case.dry_run:
        return False
    return any(map(_opens, rulings)) or any(row.outcome == Decision.Outcome.APPROVED for row in relayed)


def _opens(ruling: Ruling) -> bool:
    return any(order.intent == Order.Intent.OPEN for order in ruling.orders)


def ask(case: Case, rulings: Sequence[Ruling], relayed: Sequence[Decision], *, now: datetime) -> list[Order]:
    """Parks the item in the transaction that would have decided it; returns the orders that close, stored."""
    assert case.strategy.approval_seconds
    final = [_closing(ruling) for ruling in rulings if not _opens(ruling) or _closes(ruling)]
    rejected = [row for row in relayed if row.outcome != Decision.Outcome.APPROVED]
    rows.insert_all([ruling.decision for ruling in final] + rejected)
    made = [order for ruling in final for order in ruling.orders]
    orders.store(made)
    approval = Approval.objects.create(
        item=case.item,
        signal=case.signal,
        strategy=case.strategy,
        preview=[*map(_preview, filter(_opens, rulings)), *_endpoints(relayed)],
        asked_at=now,
        expires_at=now + timedelta(seconds=case.strategy.approval_seconds),
    )
    WorkItem.objects.filter(pk=case.item.pk).update(state=WorkItem.State.ASKING)
    name = f"{case.alert.action or case.alert.market_position or case.alert.direction} {case.alert.symbol}"
    title = f"{case.strategy.slug} asks: {name}? {_said(approval.preview)}"
    _publish(approval, "asked", title, Level.WARNING, now)
    return made


def _closes(ruling: Ruling) -> bool:
    return any(order.intent == Order.Intent.CLOSE for order in ruling.orders)


def _closing(ruling: Ruling) -> Ruling:
    """What of it is done without a yes."""
    if not _opens(ruling):
        return ruling
    ruling.decision.intent, ruling.decision.reason = Order.Intent.CLOSE.value, _WAITS
    closing = [order for order in ruling.orders if order.intent == Order.Intent.CLOSE]
    return replace(ruling, orders=closing)


def _preview(ruling: Ruling) -> dict[str, Any]:
    decision = ruling.decision
    assert decision.account is not None
    return {
        "account": decision.account.slug,
        "closes_first": _closes(ruling),
        "mode": decision.mode,
        "orders": [
            {
                "side": str(order.side),
                "position_side": order.position_side,
                "symbol": order.symbol,
                "quantity": money.plain(order.quantity),
                "type": order.type,
                "price": money.plain(order.price if order.price is not None else orders.reference_price(order)),
            }
            for order in ruling.orders
            if order.intent == Order.Intent.OPEN
        ],
        "rules": decision.rules,
    }


def _endpoints(relayed: Iterable[Decision]) -> list[dict[str, Any]]:
    approved = [row.endpoint for row in relayed if row.outcome == Decision.Outcome.APPROVED]
    return [{"endpoint": endpoint.slug} for endpoint in approved if endpoint is not None]


def _open_to_all(preview: list[dict[str, Any]]) -> bool:
    """Whether everybody who hears of the strategy may hear all of it."""
    return belong_together([one["account"] for one in preview if "account" in one])


def _said(preview: list[dict[str, Any]]) -> str:
    """For people: `buy 0.01 BTC/USDT at 50000 on paper-1; endpoint vps-1`; of several clients' accounts how many."""
    if not _open_to_all(preview):
        return f"{sum('account' in one for one in preview)} accounts of several clients"
    parts = []
    for one in preview:
        for order in one.get("orders", []):
            price = f" at {order['price']}" if order["price"] else ""
            parts.append(f"{order['side']} {order['quantity']} {order['symbol']}{price} on {one['account']}")
        if "endpoint" in one:
            parts.append(f"endpoint {one['endpoint']}")
    return "; ".join(parts)


# Answering --------------------------------------------------------------------------------------------------------


def answer(*, approval: Approval, yes: bool, by: str, reason: str, now: datetime) -> None:
    """The first answer counts. A yes puts the item back to be decided; a no stores its rejection.

    Raises Conflict if somebody has answered, and Refused if its time is over.
    """
    with transaction.atomic():
        row = _locked(approval.pk)
        if row.status != Status.ASKED:
            who = f" by {row.answered_by}" if row.answered_by else ""
            raise Conflict(f"this was answered already: {row.get_status_display().lower()}{who}")
        over = row.expires_at <= now
        if over:
            _end(row, Status.EXPIRED, by="", reason=_too_late(row), now=now)
        elif yes:
            _give(row, by=by, reason=reason, now=now)
        else:
            _end(row, Status.REFUSED, by=by, reason=reason or f"{by} said no", now=now)
    if over:
        raise Refused("nobody had answered in time: it is over", code="expired")


def waiting(*, now: datetime) -> list[Approval]:
    """Those that a person may answer now, the one that is over first in front."""
    asked = Approval.objects.filter(status=Status.ASKED, expires_at__gt=now)
    return list(asked.select_related("strategy", "signal").order_by("expires_at", "pk"))


def expire(*, now: datetime) -> None:
    """Ends those that nobody has answered. Called each second."""
    at = connection.ops.adapt_datetimefield_value(now)
    # The literal state lets SQLite use the partial index `signals_approval_asked`.
    for [pk] in rows.select(Approval, "id", where="status = 'ASKED' AND expires_at <= %s LIMIT 100", params=[at]):
        with transaction.atomic():
            row = _locked(pk)
            if row.status == Status.ASKED:
                _end(row, Status.EXPIRED, by="", reason=_too_late(row), now=now)


def supersede(item: WorkItem, strategy: Strategy, *, now: datetime) -> None:
    """A newer signal of the lane acts: a yes to an older one would undo it. The scope locks must be held."""
    if strategy.approval_seconds:
        older = Approval.objects.filter(status=Status.ASKED, item__lane=item.lane, item__lt=item.pk)
        for row in older.select_related("signal", "strategy", "item"):
            _end(row, Status.EXPIRED, by="", reason="a newer signal on this symbol came before an answer", now=now)


def _too_late(row: Approval) -> str:
    return f"nobody said yes within {(row.expires_at - row.asked_at).total_seconds():.0f} s"


def _locked(pk: int) -> Approval:
    """Scopes first, then the approval, as who decides does: two never wait for each other."""
    seen = Approval.objects.select_related("strategy").get(pk=pk)
    accounts = [one["account"] for one in seen.preview if "account" in one]
    switch.lock(strategies=[seen.strategy.slug], accounts=accounts)
    found = Approval.objects.select_for_update(of=("self",), no_key=True)
    return found.select_related("signal", "strategy", "item").get(pk=pk)


def _give(row: Approval, *, by: str, reason: str, now: datetime) -> None:
    _store(row, Status.GIVEN, by=by, reason=reason, now=now)
    WorkItem.objects.filter(pk=row.item_id, state=WorkItem.State.ASKING).update(
        state=WorkItem.State.WAITING, due_at=now, tries=0, claim_token="", lease_until=None
    )
    _publish(row, "given", f"{by} said yes: {_said(row.preview)}" + (f" ({reason})" if reason else ""), Level.INFO, now)
    wake.notify()


def _end(row: Approval, status: str, *, by: str, reason: str, now: datetime) -> None:
    _store(row, status, by=by, reason=reason, now=now)
    WorkItem.objects.filter(pk=row.item_id).update(state=WorkItem.State.DONE, claim_token="", lease_until=None)
    verdict = Verdict(RULE, FAIL, status.lower() + (f" by {by}" if by else ""), "yes", reason)
    made = list(_rejections(row, verdict, now=now))
    rows.insert_all(made)
    settle({row.signal_id: made}, shared=[row.signal_id], now=now)
    title = f"{row.strategy.slug}: {reason}; not traded: {_said(row.preview)}"
    _publish(row, status.lower(), title, Level.WARNING, now)


def _store(row: Approval, status: str, *, by: str, reason: str, now: datetime) -> None:
    row.status, row.answered_at, row.answered_by, row.reason = status, now, by[:150], reason[:200]
    row.save(update_fields=["status", "answered_at", "answered_by", "reason"])


def _rejections(row: Approval, verdict: Verdict, *, now: datetime) -> Iterable[Decision]:
    decided = set(row.signal.decisions.filter(strategy=row.strategy).values_list("account__slug", flat=True))
    slugs = [one["account"] for one in row.preview if "account" in one and one["account"] not in decided]
    common = {
        "signal": row.signal, "strategy": row.strategy, "engine": row.strategy.engine,
        "outcome": Decision.Outcome.REJECTED, "mode": row.strategy.mode, "reason": verdict.reason[:300],
        "rules": [verdict.to_json()], "decided_at": now,
    }  # fmt: skip
    for account in Account.objects.filter(slug__in=slugs).order_by("slug"):
        yield Decision(account=account, **common)
    names = [one["endpoint"] for one in row.preview if "endpoint" in one]
    for endpoint in Endpoint.objects.filter(slug__in=names).order_by("slug"):
        yield Decision(endpoint=endpoint, **common)


def _publish(row: Approval, what: str, title: str, level: Level, now: datetime) -> None:
    events.publish(
        Event(
            name=f"approval.{what}",
            at=now,
            level=level,
            title=title,
            signal=row.signal.public_id,
            strategy=row.strategy.slug,
            symbol=row.signal.symbol,
            request_id=row.signal.request_id,
            body={
                "approval": row.pk,
                "preview": row.preview if _open_to_all(row.preview) else [],
                "expires_at": row.expires_at.isoformat(),
                "by": row.answered_by,
                "reason": row.reason,
            },
        )
    )


# Deciding after a yes ---------------------------------------------------------------------------------------------


def resumed(case: Case) -> Case:
    """The case of an item that a person said yes to, with what still waits; any other as it is."""
    if not case.strategy.approval_seconds or case.ask is not None:
        return case
    row = Approval.objects.filter(item=case.item.pk, status=Status.GIVEN).first()
    if row is None:
        return case
    accounts = {one["account"] for one in row.preview if "account" in one}
    names = {one["endpoint"] for one in row.preview if "endpoint" in one}
    return replace(
        case,
        approval=row,
        outlooks=[look for look in case.outlooks if look.account.slug in accounts],
        endpoints=[endpoint for endpoint in case.endpoints if endpoint.slug in names],
    )


def opening(case: Case, account: str) -> Plan | None:
    """Where what was held has been closed meanwhile: exactly what was asked for, since the message, read anew, would
    mean something else."""
    for one in case.approval.preview if case.approval is not None else ():
        if one.get("account") == account and one["closes_first"]:
            legs = [
                Leg("open", Side(order["side"]), order["position_side"], Decimal(order["quantity"]))
                for order in one["orders"]
            ]
            return Plan(tuple(legs))
    return None


def first_leg(case: Case) -> int:
    return 0 if case.approval is None else LATER_LEG


def add(case: Case, decisions: Sequence[Decision]) -> list[Decision]:
    """Completes the decisions that closed at once, and returns the new ones, not stored yet."""
    new = []
    for row in decisions:
        old = None
        if row.account_id is not None:
            old = Decision.objects.filter(
                signal=row.signal_id, strategy=row.strategy_id, account=row.account_id, shadow=False
            ).first()
        if old is None:
            new.append(row)
            continue
        opened = row.outcome == Decision.Outcome.APPROVED
        reason = row.reason if opened else f"closed at once; not opened: {row.reason}"
        old.intent = "close+open" if opened else old.intent
        old.reason, old.rules, old.decided_at = reason[:300], row.rules, row.decided_at
        old.save(update_fields=["intent", "reason", "rules", "decided_at"])
        row.pk, row.outcome = old.pk, old.outcome
        row._state.adding = False
    return new
