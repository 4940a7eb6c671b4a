"""Channels: what they are told and when, how they do, and a test message by hand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget

from accounts.selectors import scope
from relay import visibility
from relay.models import Channel, ChannelState, Notification
from relay.notify import channels, state
from tradeops.core import clock
from tradeops.core.admin.retire import RetirableAdmin
from tradeops.core.errors import TradeOpsError

LOOKED_AT = 500  # messages that the preview asks the rule about
SHOWN = 10
_FIELDS = {"url": "target", "secret": "new_secret"}


class ChannelForm(forms.ModelForm):
    kind = forms.ChoiceField(
        choices=lambda: [(kind, kind) for kind in sorted(settings.NOTIFIERS)], widget=UnfoldAdminSelectWidget
    )
    new_secret = forms.CharField(
        label="Secret",
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Slack: the webhook URL. Webhook: what signs. It cannot be read again; empty keeps the present one.",
    )

    def _post_clean(self) -> None:
        """After Django has put the form's values on the row, so that the row is judged as it would be stored."""
        super()._post_clean()  # type: ignore[misc]
        if "kind" in self.changed_data and not self.cleaned_data.get("new_secret"):
            self.instance.secret = ""  # another kind's means nothing to this one
        if self.cleaned_data.get("new_secret"):
            self.instance.secret = self.cleaned_data["new_secret"]
        if self.errors:
            return
        try:
            channels.check(self.instance)
        except TradeOpsError as error:
            name, _, sentence = str(error).partition(": ")
            name = "new_secret" if name == "url" and self.instance.kind == "slack" else _FIELDS.get(name, name)
            known = name in self.fields
            self.add_error(name if known else None, sentence if known else str(error))

    class Meta:
        model = Channel
        fields: tuple[str, ...] = ()  # the admin names them


@admin.register(Channel)
class ChannelAdmin(RetirableAdmin):
    form = ChannelForm
    list_display = ("slug", "kind", "status", "level", "heard", "when", "escalation", "last_told")
    list_filter = ("kind", "active", "escalation")
    search_fields = ("slug",)
    ordering = ("slug",)
    readonly_fields = ("retired_at", "created_at")
    fieldsets = (
        (None, {"fields": ("slug", ("kind", "active"), "target", "new_secret")}),
        ("Which news", {"fields": (("level", "escalation"), "events", ("strategies", "accounts"))}),
        ("When", {"fields": (("quiet_from", "quiet_to"), "time_zone", ("digest_minutes", "rate_cap"))}),
        ("State", {"fields": (("created_at", "retired_at"),)}),
    )
    retires = "Nobody is told anything through this channel any more."
    change_form_outer_before_template = "admin/relay/channel.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Channel]:
        return super().get_queryset(request).select_related("state").defer("secret")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        state.try_again(obj)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.test))
        return [path("<path:object_id>/test/", view, name="relay_channel_test"), *super().get_urls()]

    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A real message, outside of any transaction; tells what came of it."""
        channel = self.get_object(request, object_id)
        if channel is None or not self.has_change_permission(request, channel):
            raise Http404
        try:
            row = channels.send_test(channel, by=request.user.get_username(), now=clock.now())
            self._tell(request, channel, row)
        except TradeOpsError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:relay_channel_change", args=[channel.pk]))

    @staticmethod
    def _tell(request: HttpRequest, channel: Channel, row: Notification) -> None:
        if row.sent_at is not None:
            ms = clock.milliseconds_between(row.created_at, row.sent_at)
            messages.success(request, f"{channel} took the test message after {ms} ms.")
        elif row.status == Notification.Status.PENDING:
            messages.error(request, f"Not sent: {row.error or 'no answer yet'}. It is tried again; see the log below.")
        else:
            messages.error(request, f"Not sent: {row.error}.")

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        return super().change_view(
            request, object_id, form_url, {**self._shown(request, object_id), **(extra_context or {})}
        )

    def _shown(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        channel = self.get_object(request, object_id)
        if channel is None:
            return {}
        seen = scope(request.user)  # a channel is everybody's, what it told is not
        recent = list(visibility.messages(seen).order_by("-pk")[:LOOKED_AT])
        try:
            would_get, sentences = channels.preview(channel, recent), channels.described(channel)
        except (KeyError, ValueError, TypeError):  # a row from before the rules were checked
            would_get, sentences = [], ["Its rule cannot be read: save it once to see what is wrong."]
        told = visibility.notifications(seen).filter(channel=channel)
        return {
            "state": ChannelState.objects.filter(channel=channel, failures__gt=0).first(),
            "status": self._word(channel),
            "sentences": sentences,
            "looked_at": len(recent),
            "would_get": len(would_get),
            "preview": would_get[:SHOWN],
            "log": told.select_related("message").order_by("-pk")[:SHOWN],
            "waiting": told.filter(status="PENDING").count(),
        }

    @staticmethod
    def _word(row: Channel) -> str:
        if row.retired_at or not row.active:
            return "retired" if row.retired_at else "off"
        failing = getattr(row, "state", None) is not None and row.state.failures > 0
        return "failing" if failing else "active"

    @display(
        description="State", label={"active": "success", "failing": "danger", "off": "warning", "retired": "default"}
    )
    def status(self, row: Channel) -> str:
        return self._word(row)

    @display(description="Events")
    def heard(self, row: Channel) -> str:
        return ", ".join(map(str, row.events))[:60]

    @display(description="When")
    def when(self, row: Channel) -> str:
        quiet = f"quiet {row.quiet_from:%H:%M}–{row.quiet_to:%H:%M}" if row.quiet_from and row.quiet_to else ""
        digest = f"digest each {row.digest_minutes} min" if row.digest_minutes else ""
        return ", ".join(part for part in (quiet, digest) if part) or "at once"

    @display(description="Last told")
    def last_told(self, row: Channel) -> Any:
        told = Notification.objects.filter(channel=row, status="SENT", sent_at__isnull=False).order_by("-sent_at")
        return told.values_list("sent_at", flat=True).first()
