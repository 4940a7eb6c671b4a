"""Limits, which are configuration, and kill switches, which are turned on a page of their own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Account
from accounts.selectors import scope as accounts_of
from accounts.selectors import visible_accounts
from signals import visibility
from signals.models import RiskLimit, RiskScope, Strategy
from signals.models.risk import Scope
from signals.risk import registry, switch
from tradeops.core import clock
from tradeops.core.admin import confirm
from tradeops.core.admin.base import ConfigurationAdmin, LedgerAdmin, describe
from tradeops.core.errors import ConfigurationError, TradeOpsError


class RiskLimitForm(forms.ModelForm):
    rule = forms.ChoiceField(
        choices=lambda: [(slug, slug) for slug in sorted(registry.BY_SLUG)], widget=UnfoldAdminSelectWidget
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            cleaned["value"] = registry.parse_limit(cleaned["rule"], cleaned["value"])
        except ConfigurationError as error:
            self.add_error("value", str(error))
        _check_target(self, cleaned["scope"], cleaned.get("key", ""))
        return cleaned

    class Meta:
        model = RiskLimit
        fields: tuple[str, ...] = ()  # the admin names them


def _check_target(form: forms.BaseForm, scope: str, key: str) -> None:
    if scope == Scope.GLOBAL:
        if key:
            form.add_error("key", "Global applies to everything: leave this empty.")
        return
    model = Strategy if scope == Scope.STRATEGY else Account
    if not model.objects.filter(slug=key).exists():
        form.add_error("key", f"There is no {scope} {key!r}." if key else f"Name the {scope}.")


@admin.register(RiskLimit)
class RiskLimitAdmin(ConfigurationAdmin):
    form = RiskLimitForm
    list_display = ("rule", "scope", "key", "value")
    fields = (("scope", "key"), ("rule", "value"))
    list_filter = ("scope", "rule")
    search_fields = ("key", "rule")
    ordering = ("scope", "key", "rule")
    deletable = True  # a setting; decisions keep the number they were judged by


class KillSwitchForm(forms.Form):
    """`target` is `global`, `strategy:<slug>` or `account:<slug>`, of those the person may see."""

    target = forms.ChoiceField(label="Stop entries", widget=UnfoldAdminSelectWidget)
    turn = forms.ChoiceField(
        label="Kill switch",
        choices=[("on", "on: no new entries"), ("off", "off: trade again")],
        widget=UnfoldAdminSelectWidget,
    )
    reason = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget, help_text="Goes to everybody who is told."
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bound = accounts_of(user)
        strategies = visibility.strategies(bound).order_by("slug").values_list("slug", flat=True)
        accounts = visible_accounts(user).order_by("slug").values_list("slug", flat=True)
        target: Any = self.fields["target"]
        target.choices = [
            *([("global", "everywhere")] if bound is None else []),
            ("Strategy", [(f"strategy:{slug}", slug) for slug in strategies]),
            ("Account", [(f"account:{slug}", slug) for slug in accounts]),
        ]

    @property
    def scope(self) -> tuple[str, str]:
        scope, _, key = self.cleaned_data["target"].partition(":")
        return scope, key

    @property
    def on(self) -> bool:
        return bool(self.cleaned_data["turn"] == "on")


@admin.register(RiskScope)
class RiskScopeAdmin(LedgerAdmin):
    list_display = ("where", "label", "reason", "changed_by", "changed_at")
    list_filter = ("kill_switch",)
    fields = describe(RiskScope)

    def get_urls(self) -> list[URLPattern]:
        own = path("turn/", self.admin_site.admin_view(self.turn), name="signals_riskscope_turn")
        return [own, *super().get_urls()]

    def turn(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("signals.change_riskscope"):
            raise PermissionDenied
        form = KillSwitchForm(request.POST or None, user=request.user, initial=request.GET.dict())
        step, password = confirm.step(request, form)
        context = {**self.admin_site.each_context(request), "opts": self.opts, "back": reverse("admin:index")}
        if step is confirm.Step.GO:
            return self._turned(request, form)
        if step is confirm.Step.CONFIRM:
            return confirm.page(
                request,
                context=context,
                form=form,
                password=password,
                title=f"Turn the kill switch {form.cleaned_data['turn']}?",
                consequences=_consequences(form),
                button=f"Turn {form.cleaned_data['turn']}",
                danger=form.on,
            )
        return TemplateResponse(
            request,
            "admin/signals/kill_switch.html",
            {**context, "title": "Kill switch", "form": form, "states": switch.states()},
        )

    def _turned(self, request: HttpRequest, form: KillSwitchForm) -> HttpResponse:
        scope, key = form.scope
        try:
            changed = switch.set(
                scope=scope,
                key=key,
                on=form.on,
                reason=form.cleaned_data["reason"],
                by=request.user.get_username(),
                now=clock.now(),
            )
        except TradeOpsError as error:
            messages.error(request, f"The kill switch was not turned: {error}.")
        else:
            said = f"The kill switch is {form.cleaned_data['turn']}: {f'{scope} {key}'.strip()}."
            messages.success(request, said if changed else f"Nothing to do. {said}")
        return HttpResponseRedirect(reverse("admin:signals_riskscope_turn"))

    @display(description="Where")
    def where(self, row: RiskScope) -> str:
        return str(row)

    @display(description="Kill switch", label={"ON": "danger", "off": "success"})
    def label(self, row: RiskScope) -> str:
        return "ON" if row.kill_switch else "off"


def _consequences(form: KillSwitchForm) -> list[str]:
    scope, key = form.scope
    where = "on every strategy and account" if scope == Scope.GLOBAL else f"on {scope} {key}"
    if form.on:
        return [
            f"No new entry is sent {where}, from the moment you confirm; orders that only reduce a position pass.",
            "Open positions and orders at the venue stay as they are.",
        ]
    return [f"New signals trade again {where}, unless another switch is on.", "What was rejected stays rejected."]
