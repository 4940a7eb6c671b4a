"""What bridges reported (L5)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from unfold.decorators import display

from accounts.selectors import scope
from signals import visibility
from signals.models import BridgeReport
from tradeops.core.admin.base import LedgerAdmin, describe
from tradeops.core.colours import COLOURS
from tradeops.core.money import plain


@admin.register(BridgeReport)
class BridgeReportAdmin(LedgerAdmin):
    list_display = ("received_at", "endpoint", "label", "what", "filled", "result_label", "signal", "order", "message")
    list_filter = ("status", "result", "endpoint")
    list_select_related = ("endpoint", "signal", "order")
    search_fields = ("=subject",)
    search_help_text = "The signal's id or a client order id"
    fields = describe(BridgeReport, "digest")

    def get_queryset(self, request: Any) -> QuerySet[BridgeReport]:
        return super().get_queryset(request).defer("endpoint__secret", "endpoint__report_secret")

    def seen_by(self, user: Any, queryset: QuerySet[BridgeReport]) -> QuerySet[BridgeReport]:
        return queryset.filter(pk__in=visibility.reports(scope(user)).values("pk"))

    @display(description="Status", label=COLOURS)
    def label(self, row: BridgeReport) -> str:
        return row.status

    @display(description="Result", label=COLOURS)
    def result_label(self, row: BridgeReport) -> str:
        return row.result

    @display(description="What")
    def what(self, row: BridgeReport) -> str:
        return f"{row.side} {row.symbol}".strip()

    @display(description="Filled")
    def filled(self, row: BridgeReport) -> str:
        at = f" at {plain(row.price)}" if row.price is not None else ""
        return f"{plain(row.filled_quantity)}{at}" if row.filled_quantity else ""
