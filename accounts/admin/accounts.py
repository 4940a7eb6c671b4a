from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import NON_FIELD_ERRORS
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts import services
from accounts.brokers import kinds
from accounts.models import Account, Credential
from accounts.selectors import visible_accounts
from tradeops.core import clock
from tradeops.core.errors import ConfigurationError, Conflict

from . import account_page
from .account_actions import AccountActions

_HAVE_DEFAULTS = {"margin_mode", "external_trades", "time_zone"}  # left out, they are what a new account has


class AccountForm(forms.ModelForm):
    broker = forms.ChoiceField(choices=lambda: [(kind, kind) for kind in kinds.kinds()], widget=UnfoldAdminSelectWidget)
    prices = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Empty = by kind of account (paper: simulated, others: venue). "
        "message, simulated, venue, or the real prices of a venue: venue:okx.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in _HAVE_DEFAULTS & self.fields.keys():
            self.fields[name].required = False

    def clean_margin_mode(self) -> str:
        return str(self.cleaned_data["margin_mode"] or self.instance.margin_mode)

    def clean_external_trades(self) -> str:
        return str(self.cleaned_data["external_trades"] or self.instance.external_trades)

    def clean_time_zone(self) -> str:
        given = str(self.cleaned_data["time_zone"] or self.instance.time_zone).strip()
        if given not in available_timezones():
            raise forms.ValidationError(f"There is no time zone {given!r}; use a name such as America/New_York.")
        return given

    def clean_prices(self) -> str:
        given = str(self.cleaned_data["prices"]).strip()
        source, _, which = given.partition(":")
        if given and source not in settings.PRICE_SOURCES:
            raise forms.ValidationError(f"There is no source of prices {source!r}.")
        if which and not kinds.known(which):
            raise forms.ValidationError(f"There is no venue {which!r}.")
        return given

    def _post_clean(self) -> None:
        """After Django has put the form's values on the row, so that the row is judged as it would be stored."""
        super()._post_clean()  # type: ignore[misc]
        if set(self.errors) <= {NON_FIELD_ERRORS} and self.instance.broker:
            try:
                services.check(self.instance)
            except ConfigurationError as error:
                self.add_error(None, f"{str(error)[:1].upper()}{str(error)[1:]}.")

    class Meta:
        model = Account
        fields: tuple[str, ...] = ()  # the admin names them


@admin.register(Account)
class AccountAdmin(AccountActions):
    form = AccountForm
    list_display = ("slug", "state", "client", "kind", "market", "equity", "read", "dry_run")
    list_filter = ("broker", "active", "client")
    search_fields = ("slug",)
    ordering = ("slug",)
    readonly_fields = ("twin_of", "retired_at", "created_at")
    fieldsets = (
        (None, {"fields": (("slug", "client"), ("broker", "market"), ("active", "dry_run", "sandbox"), "base_url")}),
        ("Trading", {"fields": (("leverage", "margin_mode"), "external_trades")}),
        ("Money", {"fields": (("currency", "prices"), ("fee_bps", "time_zone"), "initial_balances")}),
        ("State", {"fields": (("twin_of",), ("created_at", "retired_at"))}),
    )
    retires = "No new order goes to this account. It is refused while a position is open on it."
    change_form_outer_before_template = "admin/accounts/account.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return super().get_queryset(request).select_related("client", "credential", "sync").defer("credential__sealed")

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

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        if not change:
            obj.save()
            return
        had = Credential.objects.filter(account=obj).exists()
        services.save(account=obj, by=request.user.get_username(), now=clock.now())
        if had and not Credential.objects.filter(account=obj).exists():
            messages.warning(
                request, f"The credentials of {obj} were erased, since it leads elsewhere now: set its new ones."
            )

    def retire(self, obj: Account, *, now: datetime) -> None:
        if obj.positions.filter(is_open=True).exists():
            raise Conflict("a position is open on it; close it first")
        services.retire(account=obj, now=now)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        row = context.get("original")
        if row is not None:
            context.update(account_page.context(row))
        return super().render_change_form(request, context, *args, **kwargs)

    # Columns ------------------------------------------------------------------------------------------------------

    @display(description="Broker", label={"paper": "info"})
    def kind(self, row: Account) -> str:
        return row.broker

    @display(description="State", label=account_page.COLOURS)
    def state(self, row: Account) -> str:
        return account_page.state(row)

    @display(description="Equity")
    def equity(self, row: Account) -> str:
        return account_page.equity(row)

    @display(description="Read")
    def read(self, row: Account) -> str:
        return account_page.read(row)
