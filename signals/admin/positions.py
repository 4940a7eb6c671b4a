"""Positions with their marks and exits, the trade record, and what was made by day (P1–P3)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from accounts.selectors import scope
from signals.models import ExitPlan, PnlDay, Position, RoundTrip
from signals.portfolio import fees, positions, trips
from tradeops.core import clock
from tradeops.core.admin.base import describe
from tradeops.core.colours import COLOURS
from tradeops.core.money import plain

from . import pnl_chart
from .ledgers import OfAccounts

_LIVE = Prefetch("exit_plans", ExitPlan.objects.exclude(state=ExitPlan.State.CLOSED), to_attr="live_plans")
TRIPS_SHOWN = 20


@admin.register(Position)
class PositionAdmin(OfAccounts):
    list_display = (
        "strategy", "account", "symbol", "label", "held", "average", "mark", "open_pnl", "pnl", "exits", "protection",
        "close",
    )  # fmt: skip
    list_filter = ("is_open", "strategy", "account")
    list_select_related = ("strategy", "account")
    fields = describe(Position)
    change_form_outer_before_template = "admin/signals/position.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Position]:
        return super().get_queryset(request).prefetch_related(_LIVE)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        shown = {} if row is None else page(row) | {"may_close": request.user.has_perm("signals.change_order")}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    @display(description="Side", label=COLOURS)
    def label(self, row: Position) -> str:
        return row.side

    @display(description="Quantity")
    def held(self, row: Position) -> str | None:
        return plain(row.quantity)

    @display(description="Average price")
    def average(self, row: Position) -> str | None:
        return plain(row.average_price)

    @display(description="Mark")
    def mark(self, row: Position) -> str:
        if row.mark_price is None or not row.is_open:
            return "–"
        old = row.marked_at is not None and clock.now() - row.marked_at > timedelta(minutes=2)
        return f"{plain(row.mark_price)}{' (old)' if old else ''}"

    @display(description="Unrealised")
    def open_pnl(self, row: Position) -> str:
        return plain(positions.unrealised(row)) or "–"

    @display(description="Realised")
    def pnl(self, row: Position) -> str | None:
        return plain(row.realised_pnl)

    @display(description="Exits")
    def exits(self, row: Position) -> str:
        plan = _plan(row)
        return "–" if plan is None else said(plan)

    @display(description="Protection", label=COLOURS)
    def protection(self, row: Position) -> str:
        plan = _plan(row)
        return "" if plan is None else plan.state

    @display(description="Close")
    def close(self, row: Position) -> str:
        return format_html('<a href="{}">Close…</a>', close_url(row)) if row.is_open else ""


def _plan(row: Position) -> ExitPlan | None:
    """The one that is not closed, of a flat position none."""
    found: list[ExitPlan] = getattr(row, "live_plans", [])
    return found[0] if found and row.is_open else None


def said(plan: ExitPlan) -> str:
    """In a line: `stop 98, targets 103 (50 %, done), 106 (50 %), closes 21:00`."""
    parts = [f"stop {plain(plan.stop_price)}"] if plan.stop_price is not None else []
    targets = [
        f"{target['at']} ({_percent(target['share'])}{', done' if target.get('done') else ''})"
        for target in plan.targets
    ]
    parts += [f"targets {', '.join(targets)}"] if targets else []
    if plan.closes_at is not None:
        parts.append(f"{plan.closes_because.replace('_', ' ')} {plan.closes_at:%Y-%m-%d %H:%M} UTC")
    return "; ".join(parts) or "none"


def _percent(share: str) -> str:
    return f"{plain(Decimal(share) * 100)} %"


def close_url(row: Position) -> str:
    """The flatten page with this position chosen: a preview, and the password."""
    query = urlencode({"account": row.account.slug, "strategy": row.strategy.slug, "symbol": row.symbol})
    return f"{reverse('admin:signals_order_flatten')}?{query}"


def page(row: Position) -> dict[str, Any]:
    """What a position's page shows beside its fields."""
    plan = _plan(row)
    same = RoundTrip.objects.filter(strategy=row.strategy, account=row.account, symbol=row.symbol, side=row.side)
    return {
        "plan": plan,
        "exits_said": said(plan) if plan is not None else "",
        "unrealised": positions.unrealised(row),
        "not_counted": fees.said(fees.not_counted(row)),
        "close_url": close_url(row) if row.is_open else "",
        "trips": [_shown(trip) for trip in same.order_by("-id")[:TRIPS_SHOWN]],
    }


def _shown(trip: RoundTrip) -> dict[str, Any]:
    return {
        "row": trip,
        "entry": trips.price(trip.entry_value, trip.entered),
        "exit": trips.price(trip.exit_value, trip.left),
        "net": trips.net(trip),
        "r": trips.r_multiple(trip) if trip.closed_at else None,
    }


@admin.register(RoundTrip)
class RoundTripAdmin(OfAccounts):
    list_display = (
        "opened_at", "closed_at", "strategy", "account", "symbol", "label", "size", "entry", "leave", "net", "r",
        "paid", "reason", "variant",
    )  # fmt: skip
    list_filter = ("strategy", "account", "reason")
    list_select_related = ("strategy", "account")
    fields = (*describe(RoundTrip), "not_counted")
    readonly_fields = ("not_counted",)

    @display(description="Fees not counted")
    def not_counted(self, row: RoundTrip) -> str:
        """In another currency than the symbol's: neither in its fees nor in its net result."""
        return fees.said(fees.not_counted(row)) or "none"

    @display(description="Side", label=COLOURS)
    def label(self, row: RoundTrip) -> str:
        return row.side

    @display(description="Quantity")
    def size(self, row: RoundTrip) -> str | None:
        return plain(row.entered)

    @display(description="Entry")
    def entry(self, row: RoundTrip) -> str | None:
        return plain(trips.price(row.entry_value, row.entered))

    @display(description="Exit")
    def leave(self, row: RoundTrip) -> str | None:
        return plain(trips.price(row.exit_value, row.left))

    @display(description="Net")
    def net(self, row: RoundTrip) -> str | None:
        return plain(trips.net(row))

    @display(description="R")
    def r(self, row: RoundTrip) -> str | None:
        return plain(trips.r_multiple(row)) if row.closed_at else None

    @display(description="Fees")
    def paid(self, row: RoundTrip) -> str | None:
        return plain(row.fees)


@admin.register(PnlDay)
class PnlDayAdmin(OfAccounts):
    """The chart follows the list's filters, so that it is one strategy's, account's or symbol's when they are."""

    list_display = ("day", "strategy", "account", "symbol", "realised", "paid", "funded", "net", "fills")
    list_filter = ("strategy", "account")
    list_select_related = ("strategy", "account")
    list_before_template = "admin/signals/pnl.html"
    fields = describe(PnlDay)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        today = clock.now().date()
        rows = self.get_queryset(request).filter(day__gt=today - timedelta(days=pnl_chart.DAYS))
        for name in ("strategy__id__exact", "account__id__exact"):
            if (value := request.GET.get(name, "")).isdigit():
                rows = rows.filter(**{name: value})
        charts = pnl_chart.of(rows.select_related("strategy"), today=today)
        return super().changelist_view(request, {**(extra_context or {}), "charts": charts, "days": pnl_chart.DAYS})

    @display(description="Realised")
    def realised(self, row: PnlDay) -> str:
        return f"{plain(row.realised_pnl)} {row.currency}"

    @display(description="Fees")
    def paid(self, row: PnlDay) -> str | None:
        return plain(row.fees)

    @display(description="Funding")
    def funded(self, row: PnlDay) -> str | None:
        return plain(row.funding)

    @display(description="Net")
    def net(self, row: PnlDay) -> str | None:
        return plain(row.realised_pnl - row.fees - row.funding)


@admin.register(ExitPlan)
class ExitPlanAdmin(OfAccounts):
    list_display = ("opened_at", "position", "label", "stop", "how", "reason", "problem", "closed_at")
    list_filter = ("state",)
    list_select_related = ("position",)
    fields = describe(ExitPlan)

    def seen_by(self, user: Any, queryset: QuerySet[ExitPlan]) -> QuerySet[ExitPlan]:
        bound = scope(user)
        return queryset if bound is None else queryset.filter(position__account__in=bound.values("pk"))

    @display(description="State", label=COLOURS)
    def label(self, row: ExitPlan) -> str:
        return row.state

    @display(description="Stop")
    def stop(self, row: ExitPlan) -> str | None:
        return plain(row.stop_price)

    @display(description="Exits")
    def how(self, row: ExitPlan) -> str:
        return said(row)
