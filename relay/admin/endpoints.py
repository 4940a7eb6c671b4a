from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminPasswordWidget

from accounts.selectors import scope
from relay import groups, services, visibility
from relay.health import selectors
from relay.models import Attempt, Delivery, Endpoint
from tradeops.core import clock
from tradeops.core.admin.base import WholeChangeList
from tradeops.core.admin.secret import SecretForm
from tradeops.core.colours import COLOURS
from tradeops.core.errors import ConfigurationError

from . import chart
from .endpoint_actions import EndpointActions

ATTEMPTS_SHOWN = 10
HEALTH_COLOURS = {"healthy": "success", "unhealthy": "danger", "unknown": "warning", "off": "default"}
BREAKER_COLOURS = {"closed": "success", "open": "danger", "half open": "warning"}


class EndpointForm(SecretForm):
    receives = forms.MultipleChoiceField(
        choices=[(kind, kind) for kind in ("signals", "orders", "exits")],
        initial=["signals"],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    new_report_secret = forms.CharField(
        label="Report secret",
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="What the bridge signs its reports of fills with, another one. Empty keeps the present one.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "new_secret" in self.fields:
            self.fields["new_secret"].help_text = (
                "At least 12 characters; it cannot be read again, and empty keeps the present one. To rotate it "
                "without a gap: let the receiver accept the new one beside the old one, save it here, then take the "
                "old one away there."
            )

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        try:
            groups.check_slug(slug, group=False)
        except ConfigurationError as error:
            raise forms.ValidationError(str(error)) from error
        return slug

    def set_secret(self, secret: str) -> None:
        # On a row without a key the service only checks and sets: what is stored, is stored with the form.
        scratch = Endpoint()
        services.set_secret(endpoint=scratch, secret=secret)
        self.instance.secret = scratch.secret

    def has_secret(self) -> bool:
        return bool(self.instance.secret)

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        try:
            services.check_url(url)
        except ConfigurationError as error:
            raise forms.ValidationError(str(error)) from error
        return url

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("new_report_secret"):
            scratch = Endpoint(secret=self.instance.secret)
            try:
                services.set_report_secret(endpoint=scratch, secret=cleaned["new_report_secret"])
                self.instance.report_secret = scratch.report_secret
            except ConfigurationError as error:
                self.add_error("new_report_secret", str(error))
        return cleaned

    class Meta:
        model = Endpoint
        fields: tuple[str, ...] = ()  # the admin names them


class EndpointChangeList(WholeChangeList):
    """Adds to each row how it does, in as many queries for all of them as for one."""

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        last = Delivery.objects.filter(endpoint=OuterRef("pk")).order_by("-pk")
        return (
            super()
            .get_queryset(request, *args, **kwargs)
            .annotate(last_at=Subquery(last.values("created_at")[:1]), last_status=Subquery(last.values("status")[:1]))
        )

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list: list[Any] = list(self.result_list)
        found = selectors.standings(self.result_list, now=clock.now())
        for row in self.result_list:
            row.standing = found[row.pk]


@admin.register(Endpoint)
class EndpointAdmin(EndpointActions):
    form = EndpointForm
    list_display = (
        "slug", "status", "health", "breaker", "latency", "uptime_24h", "uptime_30d", "last_delivery", "url",
    )  # fmt: skip
    list_filter = ("active", "accepts_dry_run")
    search_fields = ("slug", "url")
    ordering = ("slug",)
    readonly_fields = ("disabled_reason", "retired_at", "created_at")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "slug", "url", ("new_secret", "new_report_secret"), ("active", "accepts_dry_run"),
                    "timeout_seconds",
                )
            },
        ),
        ("What it gets", {"fields": ("receives", "symbols", "headers", "tags")}),
        ("State", {"fields": ("disabled_reason", ("created_at", "retired_at"))}),
    )  # fmt: skip
    retires = "Nothing more is sent to this endpoint; what is on its way is given up."
    change_form_outer_before_template = "admin/relay/endpoint_health.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        return super().get_queryset(request).defer("secret", "report_secret")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[WholeChangeList]:
        return EndpointChangeList

    def seen_by(self, user: Any, queryset: QuerySet[Endpoint]) -> QuerySet[Endpoint]:
        return queryset.filter(pk__in=visibility.endpoints(scope(user)).values("pk"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not of one that strategies of others send to as well: who sees it may look."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or visibility.owns(scope(request.user), obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields

    # The page -----------------------------------------------------------------------------------------------------

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        row = context.get("original")
        if row is not None:
            context.update(_page(row, request, now=clock.now()))
        return super().render_change_form(request, context, *args, **kwargs)

    # Columns ------------------------------------------------------------------------------------------------------

    @display(
        description="State", label={"active": "success", "disabled": "danger", "off": "warning", "retired": "default"}
    )
    def status(self, row: Endpoint) -> str:  # `state` is the row's own name for its EndpointState
        return _state(row)

    @display(description="Health", label=HEALTH_COLOURS)
    def health(self, row: Any) -> str:
        return str(row.standing.health)

    @display(description="Breaker", label=BREAKER_COLOURS)
    def breaker(self, row: Any) -> str:
        return str(row.standing.breaker).replace("_", " ").lower()

    @display(description="Latency")
    def latency(self, row: Any) -> str:
        return "" if row.standing.latency_ms is None else f"{row.standing.latency_ms} ms"

    @display(description="24 h")
    def uptime_24h(self, row: Any) -> str:
        return "" if row.standing.uptime_24h is None else f"{row.standing.uptime_24h} %"

    @display(description="30 days")
    def uptime_30d(self, row: Any) -> str:
        return "" if row.standing.uptime_30d is None else f"{row.standing.uptime_30d} %"

    @display(description="Last delivery", label=COLOURS)
    def last_delivery(self, row: Any) -> tuple[str, str] | str:
        return (row.last_status, f"{row.last_status} {row.last_at:%d %b %H:%M}") if row.last_at else ""


def _state(row: Endpoint) -> str:
    if row.retired_at:
        return "retired"
    return "active" if row.active else "disabled" if row.disabled_reason else "off"


def _page(row: Endpoint, request: HttpRequest, *, now: datetime) -> dict[str, Any]:
    """What the page shows beside the form."""
    tried = Attempt.objects.filter(delivery__in=visibility.deliveries(scope(request.user)).filter(endpoint=row))
    return {
        "state": _state(row),
        "standing": selectors.standings([row], now=now)[row.pk],
        "chart": chart.latency(selectors.latest_checks(row, since=now - timedelta(hours=24)), now=now),
        "attempts": tried.select_related("delivery__message").order_by("-pk")[:ATTEMPTS_SHOWN],
        "memberships": groups.with_leader(row.groupmember_set.filter(group__retired_at=None)).select_related("group"),
        "has_report_secret": Endpoint.objects.filter(pk=row.pk).exclude(report_secret="").exists(),
    }
