"""Who waits for a person's yes, what it would do, and the two answers, each with a reason (D6)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display

from accounts.selectors import scope, visible_accounts
from signals import visibility
from signals.models import Approval
from signals.pipeline import approvals
from tradeops.core import clock
from tradeops.core.admin.base import LedgerAdmin, describe

from .reasoned import Reasoned

LABELS = {"ASKED": "warning", "GIVEN": "success", "REFUSED": "danger", "EXPIRED": "info"}


@admin.register(Approval)
class ApprovalAdmin(Reasoned, LedgerAdmin):
    list_display = ("asked_at", "state", "strategy", "told", "answered_by", "reason")
    list_select_related = ("strategy", "signal")
    list_filter = ("status",)
    fields = describe(Approval)

    def seen_by(self, user: Any, queryset: QuerySet[Approval]) -> QuerySet[Approval]:
        bound = scope(user)
        if bound is None:
            return queryset
        return queryset.filter(strategy__in=visibility.strategies(bound).values("pk"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<path:object_id>/yes/", view(self.yes), name="signals_approval_yes"),
            path("<path:object_id>/no/", view(self.no), name="signals_approval_no"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.row(request, object_id, may=self.has_view_permission)
        seen = set(visible_accounts(request.user).values_list("slug", flat=True))
        now = clock.now()
        context = {
            **self.context(request, row),
            "title": f"{row.strategy} asks",
            "approval": row,
            "accounts": [one for one in row.preview if one.get("account") in seen],
            "endpoints": [one["endpoint"] for one in row.preview if "endpoint" in one],
            "waits": row.status == Approval.Status.ASKED and row.expires_at > now,
            "seconds": max(0, int((row.expires_at - now).total_seconds())),
            "may_answer": self._may_answer(request, row),
            "back": reverse("admin:signals_approval_changelist"),
        }
        return TemplateResponse(request, "admin/signals/approval.html", context)

    def yes(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._answer(request, object_id, yes=True)

    def no(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._answer(request, object_id, yes=False)

    def _answer(self, request: HttpRequest, object_id: str, *, yes: bool) -> HttpResponse:
        row = self.row(request, object_id, may=self._may_answer)
        word = "yes" if yes else "no"
        meaning = (
            "All rules and the price run again; if they pass, it trades at once."
            if yes
            else "It is stored as rejected, with your name and reason."
        )
        return self.reasoned(
            request,
            row,
            title=f"Say {word} to {row.strategy}: {row.signal.action} {row.signal.symbol}?",
            consequences=[meaning],
            button=f"Say {word}",
            done=f"You said {word}.",
            do=lambda reason: approvals.answer(
                approval=row, yes=yes, by=request.user.get_username(), reason=reason, now=clock.now()
            ),
        )

    def _may_answer(self, request: HttpRequest, row: Approval) -> bool:
        """Who is bound to some clients answers only where all that would trade is theirs."""
        if not request.user.has_perm("signals.change_approval"):
            return False
        if scope(request.user) is None:
            return True
        accounts = {one["account"] for one in row.preview if "account" in one}
        seen = set(visible_accounts(request.user).values_list("slug", flat=True))
        return bool(accounts) and accounts <= seen

    @display(
        description="Answer", label={"ASKED": "warning", "GIVEN": "success", "REFUSED": "danger", "EXPIRED": "info"}
    )
    def state(self, row: Approval) -> str:
        return row.status

    @display(description="Signal")
    def told(self, row: Approval) -> str:
        return f"{row.signal.action} {row.signal.symbol}"
