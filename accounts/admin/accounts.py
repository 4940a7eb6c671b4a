from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from accounts import services
from accounts.brokers import registry
from accounts.models import Account
from accounts.selectors import visible_accounts
from tradeops.core.admin.retire import RetirableAdmin
from tradeops.core.errors import ConfigurationError, Conflict


class AccountForm(forms.ModelForm):
    broker = forms.ChoiceField(
        choices=lambda: [(kind, kind) for kind in registry.kinds()], widget=UnfoldAdminSelectWidget
    )
    prices = forms.ChoiceField(
        required=False,
        choices=lambda: [("", "by kind of account"), *((name, name) for name in sorted(settings.PRICE_SOURCES))],
        widget=UnfoldAdminSelectWidget,
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                broker = cleaned.get("broker", self.instance.broker)  # fixed once the account is there
                services.check(Account(broker=broker, market=cleaned["market"], sandbox=cleaned["sandbox"]))
            except ConfigurationError as error:
                raise forms.ValidationError(str(error)) from error
        return cleaned

    class Meta:
        model = Account
        fields: tuple[str, ...] = ()  # the admin names them


@admin.register(Account)
class AccountAdmin(RetirableAdmin):
    form = AccountForm
    list_display = ("slug", "client", "kind", "market", "currency", "state", "prices", "dry_run")
    list_filter = ("broker", "active", "client")
    list_select_related = ("client",)
    search_fields = ("slug",)
    ordering = ("slug",)
    readonly_fields = ("twin_of", "frozen_reason", "retired_at", "created_at")
    fieldsets = (
        (None, {"fields": (("slug", "client"), ("broker", "market"), ("active", "dry_run", "sandbox"), "base_url")}),
        ("Money", {"fields": (("currency", "prices"), "fee_bps", "initial_balances")}),
        ("State", {"fields": (("twin_of", "frozen_reason"), ("created_at", "retired_at"))}),
    )
    retires = "No new order goes to this account. It is refused while a position is open on it."

    def seen_by(self, user: Any, queryset: QuerySet[Account]) -> QuerySet[Account]:
        return queryset.filter(pk__in=visible_accounts(user).values("pk"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # Its name and venue are what ledgers mean by it.
        return (*self.readonly_fields, "slug", "broker") if obj else self.readonly_fields

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if obj:
            form.base_fields.pop("broker", None)
        return form

    def retire(self, obj: Account, *, now: datetime) -> None:
        if obj.positions.filter(is_open=True).exists():
            raise Conflict("a position is open on it; close it first")
        services.retire(account=obj, now=now)

    @display(description="Broker", label={"paper": "info"})
    def kind(self, row: Account) -> str:
        return row.broker

    @display(description="State", label={"active": "success", "frozen": "danger", "off": "warning"})
    def state(self, row: Account) -> str:
        if row.retired_at:
            return "retired"
        return "frozen" if row.frozen_reason else "active" if row.active else "off"
