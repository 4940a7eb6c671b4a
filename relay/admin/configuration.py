from __future__ import annotations

import ipaddress
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget

from relay.models import Channel, PrivateNetwork
from tradeops.core.admin.base import ConfigurationAdmin
from tradeops.core.admin.retire import RetirableAdmin


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
