"""Limits, which are configuration, and kill switches, which are turned on a page of their own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.selectors import scope as accounts_of
from accounts.selectors import visible_accounts
from signals import visibility
from signals.models import RiskLimit, RiskScope
from signals.models.risk import Scope
from signals.operator import reach
from signals.operator.reach import Target
from signals.risk import halts, registry, switch
from tradeops.core import clock
from tradeops.core.admin import confirm
from tradeops.core.admin.base import ConfigurationAdmin, LedgerAdmin, describe
from tradeops.core.errors import ConfigurationError, Forbidden, TradeOpsError

from . import risk_page
from .reasoned import Reasoned


class RiskLimitForm(forms.ModelForm):
    rule = forms.ChoiceField(
        choices=lambda: [(slug, slug) for slug in sorted(registry.BY_SLUG)], widget=UnfoldAdminSelectWidget
    )

    person: Any = None  # whose form it is; the admin says

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            cleaned["value"] = registry.parse_limit(cleaned["rule"], cleaned["value"])
        except ConfigurationError as error:
            self.add_error("value", str(error))
        _check_target(self, cleaned["scope"], cleaned.get("key", ""), self.person)
        return cleaned

    class Meta:
        model = RiskLimit
        fields: tuple[str, ...] = ()  # the admin names them


def _check_target(form: forms.BaseForm, scope: str, key: str, person: Any) -> None:
    if scope == Scope.GLOBAL:
        if key:
            form.add_error("key", "Global applies to everything: leave this empty.")
        elif accounts_of(person) is not None:
            form.add_error("scope", "Everything is more than the clients assigned to you.")
        return
    bound = accounts_of(person)
    seen: Any = visibility.strategies(bound) if scope == Scope.STRATEGY else visible_accounts(person)
    if not seen.filter(slug=key).exists():
        form.add_error("key", f"There is no {scope} {key!r}." if key else f"Name the {scope}.")
    elif not reach.owns(Target(scope, key), person=person):
        form.add_error("key", f"{key} also trades for clients that are not yours.")


def _mine(queryset: QuerySet[Any], user: Any) -> QuerySet[Any]:
    """Of limits or switches, those of the accounts and the strategies that the person sees."""
    bound = accounts_of(user)
    if bound is None:
        return queryset
    strategies = Q(scope=Scope.STRATEGY, key__in=visibility.strategies(bound).values("slug"))
    return queryset.filter(Q(scope=Scope.ACCOUNT, key__in=bound.values("slug")) | strategies)


def _owns(user: Any, row: Any) -> bool:
    """Whether all that a limit or switch is about is the person's; true of none in particular."""
    return row is None or reach.owns(Target(row.scope, row.key), person=user)


@admin.register(RiskLimit)
class RiskLimitAdmin(ConfigurationAdmin):
    form = RiskLimitForm
    list_display = ("rule", "scope", "key", "value")
    fields = (("scope", "key"), ("rule", "value"))
    list_filter = ("scope", "rule")
    search_fields = ("key", "rule")
    ordering = ("scope", "key", "rule")
    deletable = True  # a setting; decisions keep the number they were judged by

    def seen_by(self, user: Any, queryset: QuerySet[RiskLimit]) -> QuerySet[RiskLimit]:
        return _mine(queryset, user)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.person = request.user
        return form

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _owns(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _owns(request.user, obj)

    def get_urls(self) -> list[URLPattern]:
        own = path("use/", self.admin_site.admin_view(self.use), name="signals_risklimit_use")
        return [own, *super().get_urls()]

    def use(self, request: HttpRequest) -> HttpResponse:
        """The risk page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return risk_page.view(request, context={**self.admin_site.each_context(request), "opts": self.opts})


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
        self.user, bound = user, accounts_of(user)
        strategies = visibility.strategies(bound).order_by("slug").values_list("slug", flat=True)
        accounts = visible_accounts(user).order_by("slug").values_list("slug", flat=True)
        target: Any = self.fields["target"]
        target.choices = [
            *([("global", "everywhere")] if bound is None else []),
            ("Strategy", [(f"strategy:{slug}", slug) for slug in strategies]),
            ("Account", [(f"account:{slug}", slug) for slug in accounts]),
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "target" in cleaned:
            try:
                reach.check(Target(*self.scope), person=self.user)
            except Forbidden as error:
                self.add_error("target", str(error))
        return cleaned

    @property
    def scope(self) -> tuple[str, str]:
        scope, _, key = self.cleaned_data["target"].partition(":")
        return scope, key

    @property
    def on(self) -> bool:
        return bool(self.cleaned_data["turn"] == "on")


@admin.register(RiskScope)
class RiskScopeAdmin(Reasoned, LedgerAdmin):
    list_display = ("where", "label", "reason", "changed_by", "changed_at")
    list_filter = ("kill_switch",)
    fields = describe(RiskScope)

    def seen_by(self, user: Any, queryset: QuerySet[RiskScope]) -> QuerySet[RiskScope]:
        """And what is stopped everywhere, since it stops theirs."""
        return _mine(queryset, user) | queryset.filter(scope=Scope.GLOBAL)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("turn/", view(self.turn), name="signals_riskscope_turn"),
            path("<path:object_id>/resume/", view(self.resume), name="signals_riskscope_resume"),
        ]
        return [*own, *super().get_urls()]

    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A halted strategy goes on."""
        if not request.user.has_perm("signals.change_riskscope"):
            raise PermissionDenied  # before anything is said about what there is
        row = self.row(request, object_id, may=self._may_resume)
        return self.reasoned(
            request,
            row,
            title=f"Let {row.key} go on?",
            consequences=[
                f"It was halted because of {row.halted_reason or 'nothing that still holds'}.",
                "It opens positions again from the next signal on; what was rejected stays rejected.",
            ],
            button="Let it go on",
            done=f"{row.key} goes on.",
            do=lambda reason: halts.resume(
                strategy=row.key, reason=reason, by=request.user.get_username(), now=clock.now()
            ),
        )

    def _may_resume(self, request: HttpRequest, row: RiskScope) -> bool:
        return row.scope == Scope.STRATEGY and _owns(request.user, row)

    def _address(self, row: Any) -> str:
        return reverse("admin:signals_risklimit_use")

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
            {**context, "title": "Kill switch", "form": form, "states": self._states(request)},
        )

    def _states(self, request: HttpRequest) -> list[RiskScope]:
        seen = set(self.get_queryset(request).values_list("pk", flat=True))
        return [row for row in switch.states() if row.pk in seen]

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
