"""The experiments' page: what each engine decided and made, side by side."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from accounts.selectors import scope
from signals.operator import experiments
from tradeops.core.admin.retire import RetirableAdmin


class ExperimentPages(RetirableAdmin):
    """For the strategies' admin, whose rights it asks for."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.experiments)
        return [path("experiments/", view, name="signals_strategy_experiments"), *super().get_urls()]

    def experiments(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        running = list(self.get_queryset(request).exclude(experiment={}).filter(retired_at=None).order_by("slug"))
        chosen = next((row for row in running if row.slug == request.GET.get("strategy")), None)
        chosen = chosen or (running[0] if running else None)
        bound = scope(request.user)
        accounts = None if bound is None else list(bound.values_list("pk", flat=True))
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Experiments",
            "running": running,
            "chosen": chosen,
            "results": experiments.of(chosen, accounts=accounts) if chosen else None,
        }
        return TemplateResponse(request, "admin/signals/experiments.html", context)
