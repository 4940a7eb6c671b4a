from __future__ import annotations

import ipaddress
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from accounts.selectors import scope
from relay import services, visibility
from relay.models import Channel, Endpoint, PrivateNetwork
from tradeops.core.admin.base import ConfigurationAdmin
from tradeops.core.admin.retire import RetirableAdmin
from tradeops.core.admin.secret import SecretForm
from tradeops.core.errors import ConfigurationError


class EndpointForm(SecretForm):
    receives = forms.MultipleChoiceField(
        choices=[(kind, kind) for kind in ("signals", "orders", "exits")],
        initial=["signals"],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

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

    class Meta:
        model = Endpoint
        fields: tuple[str, ...] = ()  # the admin names them


@admin.register(Endpoint)
class EndpointAdmin(RetirableAdmin):
    form = EndpointForm
    list_display = ("slug", "url", "state", "timeout_seconds", "accepts_dry_run", "created_at")
    list_filter = ("active", "accepts_dry_run")
    search_fields = ("slug", "url")
    ordering = ("slug",)
    readonly_fields = ("disabled_reason", "retired_at", "created_at")
    fieldsets = (
        (None, {"fields": ("slug", "url", "new_secret", ("active", "accepts_dry_run"), "timeout_seconds")}),
        ("What it gets", {"fields": ("receives", "symbols", "headers", "tags")}),
        ("State", {"fields": ("disabled_reason", ("created_at", "retired_at"))}),
    )
    retires = "Nothing more is sent to this endpoint; what is on its way is given up."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        return super().get_queryset(request).defer("secret")

    def seen_by(self, user: Any, queryset: QuerySet[Endpoint]) -> QuerySet[Endpoint]:
        return queryset.filter(pk__in=visibility.endpoints(scope(user)).values("pk"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields

    @display(
        description="State", label={"active": "success", "disabled": "danger", "off": "warning", "retired": "default"}
    )
    def state(self, row: Endpoint) -> str:
        if row.retired_at:
            return "retired"
        return "active" if row.active else "disabled" if row.disabled_reason else "off"


class ChannelForm(forms.ModelForm):
    kind = forms.ChoiceField(
        choices=lambda: [(kind, kind) for kind in sorted(settings.NOTIFIERS)], widget=UnfoldAdminSelectWidget
    )

    class Meta:
        model = Channel
        fields: tuple[str, ...] = ()  # the admin names them


@admin.register(Channel)
class ChannelAdmin(RetirableAdmin):
    form = ChannelForm
    list_display = ("slug", "kind", "target", "level", "active", "retired_at")
    list_filter = ("kind", "active")
    search_fields = ("slug",)
    ordering = ("slug",)
    readonly_fields = ("retired_at", "created_at")
    fieldsets = (
        (None, {"fields": ("slug", ("kind", "target"), "active")}),
        ("Which news", {"fields": ("level", "events")}),
        ("State", {"fields": (("created_at", "retired_at"),)}),
    )
    retires = "Nobody is told anything through this channel any more."

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields


class PrivateNetworkForm(forms.ModelForm):
    def clean_cidr(self) -> str:
        try:
            return str(ipaddress.ip_network(str(self.cleaned_data["cidr"])))
        except ValueError as error:
            raise forms.ValidationError(f"Not a network such as 10.0.0.0/24: {error}") from error

    class Meta:
        model = PrivateNetwork
        fields: tuple[str, ...] = ()  # the admin names them


@admin.register(PrivateNetwork)
class PrivateNetworkAdmin(ConfigurationAdmin):
    form = PrivateNetworkForm
    list_display = ("cidr",)
    fields = ("cidr",)
    ordering = ("cidr",)
    deletable = True
