"""The first page: is it healthy, what happened today, what needs me (U1).

Everything is read through an index and bounded, since the page asks again every few seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest

from accounts.firewall import selectors as firewall
from accounts.models import Account
from accounts.selectors import scope
from relay import visibility as relay
from relay.health import selectors as health
from relay.health.selectors import Standing
from relay.models import Attempt, Delivery, Endpoint, Message
from signals import visibility
from signals.models import Order, Position, RefusedAttempt, RiskScope, Signal
from signals.risk import switch
from tradeops.core import clock, heartbeat
from tradeops.core.events import Level

Accounts = QuerySet[Account] | None

SIGNALS, POSITIONS, ALERTS, ENDPOINTS = 10, 12, 8, 12
ALERTS_REACH_BACK = timedelta(days=3)
LOUD = [level.value for level in Level if level.rank >= Level.WARNING.rank]
# What `manage.py portal` runs: a missing one is as bad as a silent one.
EXPECTED = ("web", "dispatcher", "cluster:trade", "cluster:slow", "relay")


@dataclass(frozen=True)
class Tile:
    label: str
    value: int
    admin: str  # app_model of the list behind it
    tone: str = ""


@dataclass(frozen=True)
class Process:
    name: str
    alive: bool
    note: str


def environment(request: HttpRequest) -> list[str]:
    """The mark beside the person's menu: whether real money can move."""
    return ["Live trading", "danger"] if settings.TRADING == "live" else ["Paper only", "info"]


def context(request: HttpRequest, base: dict[str, Any]) -> dict[str, Any]:
    return {**base, **facts(accounts=scope(request.user), now=clock.now())}


def facts(*, accounts: Accounts, now: datetime) -> dict[str, Any]:
    """What the page shows of `accounts` (None = of everything)."""
    return {
        "now": now,
        "processes": _processes(now),
        "switches": [state for state in switch.states() if state.kill_switch and _concerns(state, accounts)],
        "kept_out": firewall.kept_out(now=now) if accounts is None else [],
        "tiles": _today(accounts, now),
        "last_signals": _last_signals(accounts),
        "positions": _positions(accounts),
        "endpoints": _endpoints(accounts, now),
        "alerts": _alerts(accounts, now),
        "trading": settings.TRADING,
    }


def _processes(now: datetime) -> list[Process]:
    lives = heartbeat.lives(now=now)
    seen = {life.process for life in lives}
    found = [
        Process(
            life.process,
            life.alive,
            f"{life.host} · pid {life.pid}" if life.alive else f"silent for {round(life.age_seconds)} s",
        )
        for life in lives
    ]
    return found + [Process(name, False, "never seen") for name in EXPECTED if name not in seen]


def _concerns(state: RiskScope, accounts: Accounts) -> bool:
    if accounts is None or state.scope == "global":
        return True
    rows: QuerySet[Any] = accounts if state.scope == "account" else visibility.strategies(accounts)
    return rows.filter(slug=state.key).exists()


def _today(accounts: Accounts, now: datetime) -> list[Tile]:
    """Counts since midnight UTC. Ids grow with time, so each count is one range of one index."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    signals = visibility.signals(accounts)
    first_signal = signals.filter(received_at__gte=midnight).order_by("received_at").values("pk")[:1]
    signals = signals.filter(pk__gte=Subquery(first_signal))
    first_message = Message.objects.filter(created_at__gte=midnight).order_by("created_at").values("pk")[:1]
    deliveries = relay.deliveries(accounts).filter(message__gte=Subquery(first_message))
    orders = visibility.orders(accounts).filter(created_at__gte=midnight)
    ended_without = (Signal.Status.REJECTED, Signal.Status.EXPIRED, Signal.Status.FAILED)
    tiles = [
        Tile("Received", signals.count(), "signals_signal"),
        Tile("Approved", signals.filter(status=Signal.Status.APPROVED).count(), "signals_signal", "good"),
        Tile("Rejected", signals.filter(status__in=ended_without).count(), "signals_decision", "warn"),
        Tile("Orders filled", orders.filter(status=Order.Status.FILLED).count(), "signals_order", "good"),
        Tile("Delivered", deliveries.filter(status=Delivery.Status.DELIVERED).count(), "relay_delivery", "good"),
    ]
    if accounts is None:  # strangers' knocks belong to nobody's account
        refused = RefusedAttempt.objects.filter(at__gte=midnight).aggregate(n=Sum("times"))["n"] or 0
        tiles.append(Tile("Refused", refused, "signals_refusedattempt", "bad"))
    return tiles


def _last_signals(accounts: Accounts) -> list[Signal]:
    rows = visibility.signals(accounts).select_related("source").defer("source__secret", "raw", "data")
    return list(rows.order_by("-pk")[:SIGNALS])


def _positions(accounts: Accounts) -> list[Position]:
    rows = visibility.positions(accounts).filter(is_open=True).select_related("strategy", "account")
    return list(rows.order_by("-updated_at")[:POSITIONS])


def _endpoints(accounts: Accounts, now: datetime) -> list[dict[str, Any]]:
    """The endpoints in use, each with how its last try went, and what its breaker and its health check say."""
    last_tried = Delivery.objects.filter(endpoint=OuterRef("pk"), tries__gt=0).order_by("-pk").values("pk")[:1]
    rows = (
        relay.endpoints(accounts)
        .filter(retired_at=None)
        .defer("secret", "report_secret")
        .annotate(last=Subquery(last_tried))
    )
    found = list(rows.order_by("slug")[:ENDPOINTS])
    tries = {
        attempt.delivery_id: attempt
        for attempt in Attempt.objects.filter(delivery__in=[row.last for row in found if row.last]).order_by("pk")
    }
    standings = health.standings(found, now=now)
    return [_endpoint(row, tries.get(row.last), standings[row.pk]) for row in found]


def _endpoint(row: Endpoint, attempt: Attempt | None, standing: Standing) -> dict[str, Any]:
    trouble = ""
    if row.active and standing.breaker != "CLOSED":
        trouble = f"its breaker is open: {standing.failures} failures in a row"
    elif standing.health == "unhealthy":
        trouble = f"health check: {standing.error}"
    return {"row": row, "attempt": attempt, "state": _state(row, attempt, trouble), "trouble": trouble}


def _state(endpoint: Endpoint, attempt: Attempt | None, trouble: str) -> str:
    if not endpoint.active:
        return "off"
    if trouble:
        return "bad"
    if attempt is None:
        return "idle"
    return "good" if attempt.status_code and 200 <= attempt.status_code < 300 else "bad"


def _alerts(accounts: Accounts, now: datetime) -> list[Message]:
    rows = relay.messages(accounts).filter(created_at__gte=now - ALERTS_REACH_BACK, level__in=LOUD)
    return list(rows.order_by("-created_at")[:ALERTS])
