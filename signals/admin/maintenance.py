"""Maintenance windows: what is being maintained, planning one, and ending one before its time (D7)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextInputWidget

from accounts.brokers import kinds
from accounts.selectors import scope
from relay.models import Endpoint
from signals.models import MaintenanceWindow, Strategy
from signals.risk import maintenance
from tradeops.core import clock
from tradeops.core.admin.base import LedgerAdmin, describe
from tradeops.core.errors import TradeOpsError


class WindowForm(forms.Form):
    """`target` is `venue:<broker>`, `endpoint:<slug>` or `strategy:<slug>`; times are UTC."""

    target = forms.ChoiceField(label="Leave alone", widget=UnfoldAdminSelectWidget)
    starts_at = forms.SplitDateTimeField(label="From (UTC)", widget=UnfoldAdminSplitDateTimeWidget)
    ends_at = forms.SplitDateTimeField(label="To (UTC)", widget=UnfoldAdminSplitDateTimeWidget)
    reason = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget, help_text="Goes to everybody who is told."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        target: Any = self.fields["target"]
        endpoints = Endpoint.objects.filter(retired_at=None).order_by("slug").values_list("slug", flat=True)
        strategies = Strategy.objects.filter(retired_at=None).order_by("slug").values_list("slug", flat=True)
        target.choices = [
            ("Venue", [(f"venue:{name}", name) for name in kinds.kinds()]),
            ("Endpoint", [(f"endpoint:{slug}", slug) for slug in endpoints]),
            ("Strategy", [(f"strategy:{slug}", slug) for slug in strategies]),
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        begins, ends = cleaned.get("starts_at"), cleaned.get("ends_at")
        if isinstance(begins, datetime) and isinstance(ends, datetime) and ends <= max(begins, clock.now()):
            self.add_error("ends_at", "It must end after it begins, and later than now.")
        return cleaned


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(LedgerAdmin):
    list_display = ("what", "state", "starts_at", "ends_at", "reason", "created_by")
    list_filter = ("kind",)
    fields = describe(MaintenanceWindow)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return scope(request.user) is None and bool(request.user.has_perm("signals.add_maintenancewindow"))

    def get_urls(self) -> list[URLPattern]:
        own = path("<path:object_id>/end/", self.admin_site.admin_view(self.end), name="signals_maintenancewindow_end")
        return [own, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            return HttpResponseRedirect(self._address(None))
        form = WindowForm(request.POST or None, initial={"starts_at": clock.now(), **request.GET.dict()})
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "back": self._address(None),
            "title": "Plan maintenance",
        }  # fmt: skip
        if request.method == "POST" and form.is_valid():
            return self._add(request, form)
        intro = (
            "While it lasts entries are rejected, what only reduces a position waits and goes when it is over, and"
            " alerts about it are stored without telling anybody."
        )
        return TemplateResponse(
            request, "admin/ask.html", {**context, "intro": intro, "form": form, "button": "Plan it"}
        )

    def _add(self, request: HttpRequest, form: WindowForm) -> HttpResponse:
        data = form.cleaned_data
        kind, _, key = data["target"].partition(":")
        try:
            maintenance.add(
                kind=kind,
                key=key,
                starts_at=data["starts_at"],
                ends_at=data["ends_at"],
                reason=data["reason"],
                by=request.user.get_username(),
                now=clock.now(),
            )
        except TradeOpsError as error:
            messages.error(request, f"Nothing was planned: {error}.")
        else:
            messages.success(request, f"Maintenance of {kind} {key} is planned.")
        return HttpResponseRedirect(self._address(None))

    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row(request, object_id, may=self._may_end)
        told = [f"Entries on {row} are taken again, and what it held is sent at once."]
        page = self.ask_first(
            request, row, title=f"End the maintenance of {row} now?", consequences=told, button="End it", danger=False
        )
        if page is not None:
            return page
        try:
            maintenance.end(pk=row.pk, by=request.user.get_username(), now=clock.now())
        except TradeOpsError as error:
            messages.error(request, f"Nothing was changed: {error}.")
        else:
            messages.success(request, f"The maintenance of {row} is over.")
        return HttpResponseRedirect(self._address(row))

    def _may_end(self, request: HttpRequest, row: MaintenanceWindow) -> bool:
        return scope(request.user) is None and bool(request.user.has_perm("signals.change_maintenancewindow"))

    def _address(self, row: Any) -> str:
        return reverse("admin:signals_maintenancewindow_changelist")

    @display(description="What")
    def what(self, row: MaintenanceWindow) -> str:
        return str(row)

    @display(description="State", label={"NOW": "warning", "planned": "info", "over": "success"})
    def state(self, row: MaintenanceWindow) -> str:
        now = clock.now()
        return "over" if row.ends_at <= now else "NOW" if row.starts_at <= now else "planned"
