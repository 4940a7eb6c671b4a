"""What was decided, ordered, filled and held, and what was turned away. Nothing here is changed by hand."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from unfold.decorators import display

from accounts.selectors import scope
from signals import visibility
from signals.models import (
    DedupKey,
    Fill,
    StrategyTarget,
    WorkItem,
)
from tradeops.core.admin.base import LedgerAdmin, describe
from tradeops.core.colours import COLOURS
from tradeops.core.money import plain


class OfAccounts(LedgerAdmin):
    """A ledger whose rows belong to an account."""

    def seen_by(self, user: Any, queryset: QuerySet[Any]) -> QuerySet[Any]:
        bound = scope(user)
        return queryset if bound is None else queryset.filter(account__in=bound.values("pk"))


@admin.register(Fill)
class FillAdmin(OfAccounts):
    list_display = ("at", "account", "side", "symbol", "amount", "at_price", "cost", "order")
    list_filter = ("account",)
    list_select_related = ("account", "order")
    search_fields = ("=order__client_order_id",)
    search_help_text = "A client order id"
    fields = describe(Fill)

    @display(description="Quantity")
    def amount(self, row: Fill) -> str | None:
        return plain(row.quantity)

    @display(description="Price")
    def at_price(self, row: Fill) -> str | None:
        return plain(row.price)

    @display(description="Fee")
    def cost(self, row: Fill) -> str:
        return f"{plain(row.fee)} {row.fee_currency}"


@admin.register(DedupKey)
class DedupKeyAdmin(LedgerAdmin):
    list_display = ("source", "signal_public_id", "expires_at")
    list_select_related = ("source",)
    fields = describe(DedupKey)


@admin.register(WorkItem)
class WorkItemAdmin(LedgerAdmin):
    list_display = ("signal", "strategy", "lane", "label", "due_at", "tries", "error")
    list_filter = ("state",)
    list_select_related = ("signal", "strategy")
    fields = describe(WorkItem, "claim_token")

    def seen_by(self, user: Any, queryset: QuerySet[WorkItem]) -> QuerySet[WorkItem]:
        return queryset.filter(strategy__in=visibility.strategies(scope(user)).values("pk"))

    @display(description="State", label=COLOURS)
    def label(self, row: WorkItem) -> str:
        return row.state


@admin.register(StrategyTarget)
class StrategyTargetAdmin(LedgerAdmin):
    list_display = ("strategy", "symbol", "target", "amount", "at", "signal")
    list_filter = ("strategy", "target")
    list_select_related = ("strategy", "signal")
    fields = describe(StrategyTarget)

    def seen_by(self, user: Any, queryset: QuerySet[StrategyTarget]) -> QuerySet[StrategyTarget]:
        return queryset.filter(strategy__in=visibility.strategies(scope(user)).values("pk"))

    @display(description="Size")
    def amount(self, row: StrategyTarget) -> str | None:
        return plain(row.size)
