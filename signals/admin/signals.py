"""Signals: the list, and the page that answers what became of one (U2)."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.decorators import display

from accounts.selectors import scope
from signals import trace, verdict, visibility
from signals.models import Signal
from tradeops.core.admin.base import LedgerAdmin
from tradeops.core.colours import COLOURS

from . import run_again

PUBLIC_ID_LENGTH = 36


@admin.register(Signal)
class SignalAdmin(LedgerAdmin):
    list_display = ("received_at", "what", "source", "label", "relay_label", "strategies", "repeats", "public_id")
    list_filter = ("status", "relay", "source")
    list_select_related = ("source",)
    search_fields = ("=public_id",)
    search_help_text = "A signal's id"

    def seen_by(self, user: Any, queryset: QuerySet[Signal]) -> QuerySet[Signal]:
        return queryset.filter(pk__in=visibility.signals(scope(user)).values("pk"))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Signal | None:
        """By row, or by the id that logs, messages and the API use."""
        if len(object_id) == PUBLIC_ID_LENGTH:
            return self.get_queryset(request).filter(public_id=object_id).first()
        return super().get_object(request, object_id, from_field)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.run_again)
        return [path("<path:object_id>/run-again/", view, name="signals_signal_run_again"), *super().get_urls()]

    def run_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        signal = self.row(request, object_id, may=lambda asked, _: run_again.may(asked))
        return run_again.view(request, signal, context=self.context(request, signal))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        signal = self.get_object(request, object_id)
        if signal is None:
            raise Http404
        if not self.has_view_permission(request, signal):
            raise PermissionDenied
        life = trace.of(signal.public_id, accounts=scope(request.user))
        if life is None:
            raise Http404
        context = {
            "trace": life,
            "why": verdict.why(life),
            "problems": verdict.problems(life) if verdict.settled(life) else [],
            "settled": verdict.settled(life),
            "original": signal,
            "missing": verdict.decided(life) and run_again.may(request) and run_again.parts(request, signal),
            "raw": json.dumps(life["signal"]["raw"], indent=2, ensure_ascii=False),
            "data": json.dumps(life["signal"]["data"], indent=2, ensure_ascii=False),
        }
        if "fragment" in request.GET:
            response = TemplateResponse(request, "admin/signals/signal_life.html", context)
            response["X-Settled"] = "1" if context["settled"] else "0"
            return response
        return TemplateResponse(
            request,
            "admin/signals/signal.html",
            {
                **self.admin_site.each_context(request),
                **context,
                "opts": self.opts,
                "title": f"{signal.action} {signal.symbol}",
                "media": self.media,
            },
        )

    @display(description="Alert")
    def what(self, row: Signal) -> str:
        return f"{row.action} {row.symbol}"

    @display(description="Status", label=COLOURS)
    def label(self, row: Signal) -> str:
        return row.status

    @display(description="Relay", label=COLOURS)
    def relay_label(self, row: Signal) -> str:
        return row.relay

    @display(description="Strategies")
    def strategies(self, row: Signal) -> str:
        return ", ".join(row.routes) or "none"
