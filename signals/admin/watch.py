"""What is watched: silence, differences between heartbeats and positions, the ends of TradingView alerts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from unfold.decorators import display

from accounts.selectors import scope
from signals import visibility
from signals.models import Difference, ExpiryWarning, Silence, WatchRound
from tradeops.core.admin.base import LedgerAdmin, describe


@admin.register(Silence)
class SilenceAdmin(LedgerAdmin):
    list_display = ("who", "state", "heard_at", "expected", "since", "silent_at")
    list_select_related = ("source", "strategy")
    fields = describe(Silence)

    def get_queryset(self, request: Any) -> QuerySet[Silence]:
        return super().get_queryset(request).defer("source__secret", "source__previous_secret")

    def seen_by(self, user: Any, queryset: QuerySet[Silence]) -> QuerySet[Silence]:
        bound = scope(user)
        return queryset if bound is None else queryset.filter(strategy__in=visibility.strategies(bound).values("pk"))

    @display(description="Watched")
    def who(self, row: Silence) -> str:
        return f"source {row.source}" if row.source else f"strategy {row.strategy}"

    @display(description="State", label={"heard": "success", "waiting": "info", "silent": "danger"})
    def state(self, row: Silence) -> str:
        if row.silent_at is not None:
            return "silent"
        return "heard" if row.heard_at is not None else "waiting"

    @display(description="Expected every")
    def expected(self, row: Silence) -> str:
        watched = row.source or row.strategy
        return f"{watched.expect_every} s" if watched and watched.expect_every else ""


@admin.register(Difference)
class DifferenceAdmin(LedgerAdmin):
    list_display = ("since", "strategy", "account", "symbol", "told", "held", "state", "resolved_at")
    list_select_related = ("strategy", "account")
    list_filter = ("strategy", "account")
    fields = describe(Difference)

    def seen_by(self, user: Any, queryset: QuerySet[Difference]) -> QuerySet[Difference]:
        bound = scope(user)
        return queryset if bound is None else queryset.filter(account__in=bound.values("pk"))

    @display(description="State", label={"differs": "danger", "agrees": "success"})
    def state(self, row: Difference) -> str:
        return "differs" if row.resolved_at is None else "agrees"


@admin.register(ExpiryWarning)
class ExpiryWarningAdmin(LedgerAdmin):
    list_display = ("warned_at", "strategy", "expires_on", "days_before")
    list_select_related = ("strategy",)
    fields = describe(ExpiryWarning)

    def seen_by(self, user: Any, queryset: QuerySet[ExpiryWarning]) -> QuerySet[ExpiryWarning]:
        return queryset.filter(strategy__in=visibility.strategies(scope(user)).values("pk"))


@admin.register(WatchRound)
class WatchRoundAdmin(LedgerAdmin):
    list_display = ("looked_at", "deaf_since", "work_item")
    fields = describe(WatchRound)
