"""The firewall's pages: rules, bans in force and past, and what holds for everybody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from accounts.firewall import selectors, services
from accounts.firewall.services import Asker
from accounts.models import FirewallBan, FirewallRule, FirewallSettings
from tradeops.core import clock
from tradeops.core.admin.base import ConfigurationAdmin, LedgerAdmin, describe
from tradeops.core.errors import TradeOpsError


def asker(request: HttpRequest) -> Asker:
    """The person at the other end, with the address from which they must still be let in afterwards."""
    country = getattr(request, "client_country", str)
    return Asker(name=request.user.get_username(), address=getattr(request, "client_address", None), country=country())


def _warn(request: HttpRequest) -> None:
    for sentence in services.warnings(now=clock.now()):
        messages.warning(request, sentence)


class _Form(forms.ModelForm):
    """A form that asks the firewall's own service, in the name of who sent it."""

    asker: Asker
    judge: ClassVar[Callable[..., None]]  # the service's check of the row; raises TradeOpsError

    def _post_clean(self) -> None:
        """After Django has put the form's values on the row, so that the row is judged as it would be stored."""
        super()._post_clean()  # type: ignore[misc]
        if set(self.errors) <= {NON_FIELD_ERRORS}:
            # What breaks a constraint of the table: the service checks the same, and says it in a sentence.
            self.errors.pop(NON_FIELD_ERRORS, None)
            try:
                self.judge(self.instance, asker=self.asker, now=clock.now())
            except TradeOpsError as error:
                self.add_error(None, f"{str(error)[:1].upper()}{str(error)[1:]}.")


class RuleForm(_Form):
    judge = staticmethod(services.check_rule)

    class Meta:
        model = FirewallRule
        fields: tuple[str, ...] = ()  # the admin names them


class SettingsForm(_Form):
    judge = staticmethod(services.check_settings)

    class Meta:
        model = FirewallSettings
        fields: tuple[str, ...] = ()  # the admin names them


class _Asking(ConfigurationAdmin):
    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.asker = asker(request)
        return form


@admin.register(FirewallRule)
class FirewallRuleAdmin(_Asking):
    form = RuleForm
    list_display = ("target_shown", "label", "holds", "note", "created_by", "created_at")
    list_filter = ("action",)
    search_fields = ("network", "country", "note")
    ordering = ("country", "network")
    readonly_fields = ("created_by", "created_at", "changed_by", "changed_at")
    rule: Any = (None, {"fields": (("network", "country"), "action", "expires_at", "note")})
    history: Any = ("History", {"fields": (("created_by", "created_at"), ("changed_by", "changed_at"))})
    deletable = True

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return (self.rule, self.history) if obj else (self.rule,)

    def save_model(self, request: HttpRequest, obj: FirewallRule, form: Any, change: bool) -> None:
        services.save_rule(obj, asker=asker(request), now=clock.now())
        _warn(request)

    def delete_model(self, request: HttpRequest, obj: FirewallRule) -> None:
        services.delete_rule(obj, asker=asker(request), now=clock.now())
        _warn(request)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        try:
            return super().delete_view(request, object_id, extra_context)
        except TradeOpsError as error:
            messages.error(request, f"The rule stays: {error}.")
            return HttpResponseRedirect(reverse("admin:accounts_firewallrule_change", args=[object_id]))

    @display(description="Network or country", ordering="network")
    def target_shown(self, row: FirewallRule) -> str:
        return row.target

    @display(description="Action", label={"allow": "success", "deny": "danger", "over": "default"}, ordering="action")
    def label(self, row: FirewallRule) -> str:
        return "over" if row.expires_at and row.expires_at <= clock.now() else row.action

    @display(description="Until", ordering="expires_at")
    def holds(self, row: FirewallRule) -> str:
        return f"{row.expires_at:%Y-%m-%d %H:%M}" if row.expires_at else "for good"


class BanFilter(admin.SimpleListFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("in-force", "in force")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[FirewallBan]) -> QuerySet[FirewallBan]:
        return queryset & selectors.bans_in_force(now=clock.now()) if self.value() else queryset


@admin.register(FirewallBan)
class FirewallBanAdmin(LedgerAdmin):
    list_display = ("network", "label", "banned_at", "until", "in_a_row", "failures", "reason", "lifted_by")
    list_filter = (BanFilter,)
    search_fields = ("=network",)
    search_help_text = "An address, or the /64 of an IPv6 one"
    fields = describe(FirewallBan)
    actions_detail = ["lift_action"]

    def has_lift_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("accounts.change_firewallban"))

    @action(description="Lift", url_path="lift", icon="lock_open", variant=ActionVariant.PRIMARY, permissions=["lift"])
    def lift_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        ban = self.row(request, object_id, may=lambda request, _ban: self.has_lift_permission(request))
        asked = self.ask_first(
            request,
            ban,
            title=f"Lift the ban of {ban}?",
            consequences=[
                "The address may come in again within a second, and its next ban is a first one.",
                "To let it in whatever it does, add a rule that allows it instead.",
            ],
            button="Lift",
            danger=False,
        )
        if asked is not None:
            return asked
        try:
            services.lift(ban, asker=asker(request), now=clock.now())
            self.log_change(request, ban, "Lifted.")
            messages.success(request, f"The ban of {ban} is lifted.")
        except TradeOpsError as error:
            messages.error(request, f"Nothing was lifted: {error}.")
        return self.back(ban)

    @display(description="In a row")
    def in_a_row(self, row: FirewallBan) -> int:
        return row.strikes

    @display(description="State", label={"in force": "danger", "lifted": "info", "over": "default"})
    def label(self, row: FirewallBan) -> str:
        if row.lifted_at:
            return "lifted"
        return "in force" if row.until > clock.now() else "over"


@admin.register(FirewallSettings)
class FirewallSettingsAdmin(_Asking):
    form = SettingsForm
    fieldsets = (
        (None, {"fields": ("default",)}),
        ("Automatic bans", {"fields": (("ban_after", "within_seconds"), ("ban_seconds", "longest_seconds"))}),
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one row, so the list is its page."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        row, _ = FirewallSettings.objects.get_or_create(pk=1)
        return HttpResponseRedirect(reverse("admin:accounts_firewallsettings_change", args=[row.pk]))

    def save_model(self, request: HttpRequest, obj: FirewallSettings, form: Any, change: bool) -> None:
        services.save_settings(obj, asker=asker(request), now=clock.now())
        _warn(request)
