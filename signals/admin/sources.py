from __future__ import annotations

import ipaddress
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from signals.intake import sources
from signals.models import AddressList, Source
from tradeops.core import clock
from tradeops.core.admin.base import ConfigurationAdmin
from tradeops.core.admin.secret import SecretForm
from tradeops.core.errors import ConfigurationError

from . import source_setup
from .source_actions import SourceActions


class SourceForm(SecretForm):
    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        if slug in sources.RESERVED_SLUGS:
            raise forms.ValidationError(f"{slug} is a path of its own under /webhook; choose another name.")
        return slug

    def clean_allowed_ips(self) -> list[str]:
        entries = self.cleaned_data["allowed_ips"] or []
        lists = set(AddressList.objects.values_list("slug", flat=True))
        if not isinstance(entries, list):
            raise forms.ValidationError('Give a list, such as ["192.0.2.0/24", "tradingview"]; [] is any address.')
        for entry in entries:
            if entry not in lists:
                _network(entry)
        return entries

    def set_secret(self, secret: str) -> None:
        self.instance.auth = self.cleaned_data.get("auth", self.instance.auth)
        sources.set_secret(source=self.instance, secret=secret)

    def has_secret(self) -> bool:
        # A token's digest is no signing key: another way to authenticate needs its own secret.
        if self.cleaned_data.get("auth") == Source.Auth.TOKEN:
            return bool(self.instance.token_digest)
        return bool(self.instance.secret)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        given = {name: cleaned[name] for name in ("auth", "default", "respond", "allowed_ips") if name in cleaned}
        try:
            sources.check(Source(**given))
        except ConfigurationError as error:
            self.add_error(error.code if error.code in self.fields else None, f"{str(error).replace('`', '')}.")
        return cleaned

    def clean_require(self) -> list[str]:
        names = self.cleaned_data["require"] or []
        if not isinstance(names, list) or not all(isinstance(name, str) and name.isidentifier() for name in names):
            raise forms.ValidationError('Give a list of field names, such as ["timeframe", "timestamp"].')
        return names

    class Meta:
        model = Source
        fields: tuple[str, ...] = ()  # the admin names them


def _network(entry: Any) -> None:
    try:
        ipaddress.ip_network(str(entry))
    except ValueError as error:
        raise forms.ValidationError(f"{entry} is neither a network nor an address list: {error}") from error


@admin.register(Source)
class SourceAdmin(SourceActions):
    form = SourceForm
    list_display = ("slug", "auth", "state", "secrets", "rate_limit", "dedup_seconds", "expect_every", "default")
    list_filter = ("active", "auth")
    search_fields = ("slug",)
    ordering = ("slug",)
    readonly_fields = ("retired_at", "created_at")
    fieldsets = (
        (None, {"fields": ("slug", ("auth", "new_secret"), ("active", "default"))}),
        ("Limits", {"fields": ("allowed_ips", ("rate_limit", "dedup_seconds"), "require")}),
        ("Answer and silence", {"fields": (("respond", "expect_every"),)}),
        ("State", {"fields": (("created_at", "retired_at"),)}),
    )
    change_form_outer_before_template = "admin/signals/source_sender.html"
    retires = "Its webhooks are refused from now on, as if the source had never been."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        return super().get_queryset(request).defer("secret", "previous_secret")

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        if context.get("original") is not None:
            context.update(source_setup.page(context["original"], now=clock.now()))
        return super().render_change_form(request, context, *args, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields

    @display(description="State", label={"active": "success", "off": "warning"})
    def state(self, row: Source) -> str:
        return "retired" if row.retired_at else "active" if row.active else "off"

    @display(description="Secrets")
    def secrets(self, row: Source) -> str:
        until = row.previous_until
        return f"two until {until:%Y-%m-%d %H:%M}" if until and until > clock.now() else "one"


class AddressListForm(forms.ModelForm):
    def clean_networks(self) -> list[str]:
        entries = self.cleaned_data["networks"]
        if not isinstance(entries, list):
            raise forms.ValidationError('Give a list, such as ["192.0.2.0/24"].')
        for entry in entries:
            _network(entry)
        return entries

    class Meta:
        model = AddressList
        fields: tuple[str, ...] = ()  # the admin names them


@admin.register(AddressList)
class AddressListAdmin(ConfigurationAdmin):
    form = AddressListForm
    list_display = ("slug", "size")
    fields = ("slug", "networks")
    ordering = ("slug",)

    @display(description="Networks")
    def size(self, row: AddressList) -> int:
        return len(row.networks)
