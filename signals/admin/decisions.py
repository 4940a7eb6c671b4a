"""Decisions: the list, and the page on which one is read: every rule's number, every agent's view."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.decorators import display

from accounts.selectors import scope
from signals import trace, visibility
from signals.models import Decision
from tradeops.core.admin.base import LedgerAdmin
from tradeops.core.colours import COLOURS


@admin.register(Decision)
class DecisionAdmin(LedgerAdmin):
    list_display = (
        "decided_at", "signal", "strategy", "account", "endpoint", "who", "label", "intent", "mode", "reason",
    )  # fmt: skip
    list_filter = ("outcome", "strategy", "account")
    list_select_related = ("signal", "strategy", "account", "endpoint")
    search_fields = ("=signal__public_id",)
    search_help_text = "A signal's id"

    def seen_by(self, user: Any, queryset: QuerySet[Decision]) -> QuerySet[Decision]:
        return queryset.filter(pk__in=visibility.decisions(scope(user)).values("pk"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return TemplateResponse(
            request,
            "admin/signals/decision.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "original": row,
                "decision": trace.decision_of(row),
                "orders": visibility.orders(scope(request.user)).filter(decision=row).order_by("pk"),
                "title": f"{row.strategy or 'no strategy'}: {row.signal}",
                "media": self.media,
            },
        )

    @display(description="Engine")
    def who(self, row: Decision) -> str:
        return f"{row.engine} (shadow)" if row.shadow else row.engine

    @display(description="Outcome", label=COLOURS)
    def label(self, row: Decision) -> str:
        return row.outcome
