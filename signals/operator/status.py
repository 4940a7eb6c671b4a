"""How it stands, in the few numbers that fit a phone: for one person, of what they see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet, Subquery

from accounts.models import Account
from relay.models import Alarm
from signals import visibility
from signals.models import Approval, Order, RiskScope, Signal, Strategy
from signals.models.risk import Scope
from tradeops.core import heartbeat, literal

from .reach import Accounts

LIVE = literal.one_of("status", ("PENDING", "SUBMITTED", "OPEN", "PARTIALLY_FILLED", "UNKNOWN"))
_ENDED_WITHOUT = (Signal.Status.REJECTED, Signal.Status.EXPIRED, Signal.Status.FAILED)


@dataclass(frozen=True)
class Stop:
    """Something that keeps entries out: a kill switch, a halt, a frozen account."""

    what: str
    where: str
    since: datetime | None
    why: str
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class Status:
    at: datetime
    live_trading: bool
    stops: list[Stop]
    received: int  # signals since midnight UTC
    approved: int
    not_traded: int
    open_positions: int
    orders_under_way: int
    in_doubt: int
    approvals: int
    alarms: int | None  # critical and not acknowledged; None for who sees a part
    silent: list[str]  # processes; empty for who sees a part


def of(*, accounts: Accounts, now: datetime) -> Status:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    # Ids grow with time: one range of one index, whatever came before.
    first = Signal.objects.filter(received_at__gte=midnight).order_by("received_at").values("pk")[:1]
    today = visibility.signals(accounts).filter(pk__gte=Subquery(first))
    under_way = visibility.orders(accounts).filter(LIVE)
    return Status(
        at=now,
        live_trading=settings.TRADING == "live",
        stops=_stops(accounts),
        received=today.count(),
        approved=today.filter(status=Signal.Status.APPROVED).count(),
        not_traded=today.filter(status__in=_ENDED_WITHOUT).count(),
        open_positions=visibility.positions(accounts).filter(is_open=True).count(),
        orders_under_way=under_way.count(),
        in_doubt=under_way.filter(status=Order.Status.UNKNOWN).count(),
        approvals=_asked(accounts, now).count(),
        alarms=Alarm.objects.filter(acknowledged_at=None).count() if accounts is None else None,
        silent=_silent(now) if accounts is None else [],
    )


def _asked(accounts: Accounts, now: datetime) -> QuerySet[Approval]:
    rows = Approval.objects.filter(status=Approval.Status.ASKED, expires_at__gt=now)
    return rows if accounts is None else rows.filter(strategy__in=visibility.strategies(accounts).values("pk"))


def _stops(accounts: Accounts) -> list[Stop]:
    found = []
    for row in RiskScope.objects.filter(Q(kill_switch=True) | Q(halted_at__isnull=False)).order_by("scope", "key"):
        if not _concerns(row, accounts):
            continue
        where = "everything" if row.scope == Scope.GLOBAL else str(row)
        if row.kill_switch:
            found.append(Stop("Kill switch", where, row.changed_at, row.reason, row.changed_by))
        if row.halted_at:
            found.append(Stop("Halted", where, row.halted_at, row.halted_reason))
    frozen = Account.objects.filter(retired_at=None).exclude(frozen_reason="")
    frozen = frozen if accounts is None else frozen.filter(pk__in=accounts.values("pk"))
    for account in frozen.order_by("slug"):
        found.append(Stop("Frozen", f"account {account}", account.frozen_at, account.frozen_reason, account.frozen_by))
    return found


def _concerns(row: RiskScope, accounts: Accounts) -> bool:
    if accounts is None or row.scope == Scope.GLOBAL:
        return True
    rows: QuerySet[Any] = accounts if row.scope == Scope.ACCOUNT else _strategies(accounts)
    return rows.filter(slug=row.key).exists()


def _strategies(accounts: Accounts) -> QuerySet[Strategy]:
    return visibility.strategies(accounts)


def _silent(now: datetime) -> list[str]:
    return [
        life.process if life.host == heartbeat.HOST else f"{life.process} on {life.host}"
        for life in heartbeat.lives(now=now)
        if not life.alive
    ]
