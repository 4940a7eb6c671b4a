"""Critical alerts: which of them wait for a person, and the button that ends their reminders."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.selectors import scope
from relay import visibility
from relay.models import Alarm, AlarmEvent
from relay.notify import alarms
from tradeops.core import clock
from tradeops.core.admin.base import LedgerAdmin, describe

SHOWN = 20


class OpenFilter(admin.SimpleListFilter):
    """Only the open ones, unless asked otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "All"), ("done", "Acknowledged")]

    def choices(self, changelist: Any) -> Any:
        found = list(super().choices(changelist))
        found[0]["display"] = "Open"
        return found

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alarm]) -> QuerySet[Alarm]:
        if self.value() == "all":
            return queryset
        return queryset.filter(acknowledged_at__isnull=self.value() != "done")


class NoteForm(forms.Form):
    note = forms.CharField(
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "What is done about it"}),
    )


@admin.register(Alarm)
class AlarmAdmin(LedgerAdmin):
    list_display = ("first_at", "what", "label", "times", "title", "last_at", "reminders", "answer")
    list_filter = (OpenFilter,)
    fields = describe(Alarm)
    list_before_template = "admin/relay/alarms.html"
    change_form_outer_before_template = "admin/relay/alarm.html"

    def seen_by(self, user: Any, queryset: QuerySet[Alarm]) -> QuerySet[Alarm]:
        return queryset.filter(message__in=visibility.messages(scope(user)).values("pk"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.acknowledge))
        return [
            path("acknowledge/", view, name="relay_alarm_acknowledge_all"),
            path("<path:object_id>/acknowledge/", view, name="relay_alarm_acknowledge"),
            *super().get_urls(),
        ]

    def acknowledge(self, request: HttpRequest, object_id: str = "") -> HttpResponse:
        """One, or every open one that this person sees. No password: it ends reminders and nothing else, and must be
        quick."""
        if not self.may_acknowledge(request):
            raise PermissionDenied
        if object_id:
            row = self.get_object(request, object_id)
            if row is None:
                raise Http404
            chosen = [row.pk]
        else:
            chosen = list(self.get_queryset(request).filter(acknowledged_at=None).values_list("pk", flat=True))
        form = NoteForm(request.POST)
        note = form.cleaned_data["note"] if form.is_valid() else ""
        done = alarms.acknowledge(chosen, by=request.user.get_username(), now=clock.now(), note=note)
        if done:
            messages.success(request, f"Acknowledged: {done} alert{'s' if done > 1 else ''}. No more reminders.")
        else:
            messages.info(request, "Nothing was open any more.")
        return HttpResponseRedirect(reverse("admin:relay_alarm_changelist"))

    def may_acknowledge(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("relay.change_alarm"))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        waiting = self.get_queryset(request).filter(acknowledged_at=None).count()
        shown = {"waiting": waiting, "may_acknowledge": self.may_acknowledge(request), "note_form": NoteForm()}
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        row = self.get_object(request, object_id)
        happened = AlarmEvent.objects.filter(alarm=row).select_related("message").order_by("-pk")[:SHOWN]
        shown = {"happened": happened, "may_acknowledge": self.may_acknowledge(request), "note_form": NoteForm()}
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    @display(description="What")
    def what(self, row: Alarm) -> str:
        return str(row)

    @display(description="State", label={"open": "danger", "escalated": "danger", "acknowledged": "success"})
    def label(self, row: Alarm) -> str:
        if row.acknowledged_at:
            return "acknowledged"
        return "escalated" if row.escalated_at else "open"

    @display(description="Acknowledged")
    def answer(self, row: Alarm) -> str:
        if row.acknowledged_at is None:
            return ""
        note = f": {row.note}" if row.note else ""
        return format_html("{} {:%Y-%m-%d %H:%M}{}", row.acknowledged_by, row.acknowledged_at, note)
