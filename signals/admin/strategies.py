from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from accounts import groups
from accounts.models import AccountGroup
from accounts.selectors import scope, visible_accounts, visible_groups
from relay import visibility as relay
from signals import visibility
from signals.engines import settings as agents
from signals.models import Position, Source, Strategy
from signals.models.risk import Scope
from signals.operator import reach, test_alert
from signals.operator.reach import Target
from signals.risk import windows
from signals.strategies import experiments, sizing, symbols
from tradeops.core import clock
from tradeops.core.admin import confirm
from tradeops.core.colours import COLOURS
from tradeops.core.errors import ConfigurationError, Conflict, TradeOpsError

from .experiments import ExperimentPages
from .mapping import MappingPages
from .test_alert import TestAlertForm


def _names(registry: Any) -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(registry)]


def _checked(given: Any, read: Callable[[Any], object]) -> Any:
    """The JSON as it was given, an empty map for nothing; raises what the form shows."""
    given = given or {}
    try:
        read(given)
    except ConfigurationError as error:
        raise forms.ValidationError(str(error)) from error
    return given


def _seen(user: Any) -> dict[str, QuerySet[Any]]:
    """What a strategy may be told to trade and relay to, by field: what the person sees."""
    bound = scope(user)
    return {
        "accounts": visible_accounts(user).order_by("slug"),
        "groups": visible_groups(user).order_by("slug"),
        "endpoints": relay.endpoints(bound).defer("secret", "report_secret").order_by("slug"),
        "endpoint_groups": relay.groups(bound).order_by("slug"),
    }


def _owns(user: Any, strategy: Strategy) -> bool:
    return reach.owns(Target(Scope.STRATEGY, strategy.slug), person=user)


class StrategyForm(forms.ModelForm):
    engine = forms.ChoiceField(choices=lambda: _names(settings.ENGINES), widget=UnfoldAdminSelectWidget)
    sizing_mode = forms.ChoiceField(choices=lambda: _names(sizing.MODES), widget=UnfoldAdminSelectWidget)
    prices = forms.ChoiceField(
        required=False,
        choices=lambda: [("", "as the account says"), *_names(settings.PRICE_SOURCES)],
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {"heal", "netting", "target_size"} & self.fields.keys():  # who may only look has no fields
            self.fields[name].required = False  # left out, it is what a new strategy has

    def clean_heal(self) -> str:
        return str(self.cleaned_data["heal"] or self.instance.heal)

    def clean_experiment(self) -> Any:
        return _checked(self.cleaned_data["experiment"], lambda given: experiments.read(self.instance.slug, given))

    def clean_agents(self) -> Any:
        return _checked(self.cleaned_data["agents"], agents.read)

    def clean_netting(self) -> str:
        return str(self.cleaned_data["netting"] or self.instance.netting)

    def clean_windows(self) -> Any:
        try:
            return windows.parse(self.cleaned_data["windows"] or [])
        except ConfigurationError as error:
            raise forms.ValidationError(str(error)) from error

    def clean_symbols(self) -> Any:
        mapping = self.cleaned_data["symbols"]
        if not isinstance(mapping, dict):
            raise forms.ValidationError('Give a map, such as {"BINANCE:BTCUSDT": "BTC/USDT"}.')
        try:
            symbols.check(mapping)
        except ConfigurationError as error:
            raise forms.ValidationError(str(error)) from error
        return mapping

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        value = cleaned.get("sizing_value")
        if value is not None and value <= 0:
            self.add_error("sizing_value", "Must be above zero.")
        elif value is not None or cleaned.get("mode") != Strategy.Mode.OFF:
            self._say("sizing_value", sizing.check(cleaned.get("sizing_mode", ""), value))
        kind, mode = cleaned.get("target_size", ""), cleaned.get("sizing_mode", "")
        self._say("unit_size", sizing.check_target(kind, mode, cleaned.get("unit_size")))
        named = {name: [row.pk for row in cleaned.get(name) or ()] for name in ("accounts", "groups")}
        self._say("groups", groups.twice(accounts=named["accounts"], groups=named["groups"]))
        return cleaned

    def _say(self, field: str, problem: str) -> None:
        if problem and field in self.fields:
            self.add_error(field, f"{problem[0].upper()}{problem[1:]}.")

    def clean_target_size(self) -> str:
        return str(self.cleaned_data["target_size"] or self.instance.target_size)

    class Meta:
        model = Strategy
        fields: tuple[str, ...] = ()  # the admin names them


@admin.register(Strategy)
class StrategyAdmin(MappingPages, ExperimentPages):
    form = StrategyForm
    list_display = ("slug", "label", "engine", "size", "fed_by", "trades_on", "relays_to", "max_age_seconds")
    list_filter = ("mode",)
    search_fields = ("slug",)
    ordering = ("slug",)
    readonly_fields = ("retired_at", "created_at")
    autocomplete_fields = ("sources", "accounts", "groups", "endpoints", "endpoint_groups")
    actions_detail = ["test_alert_action", "mapping_action", "retire_action"]
    fieldsets = (
        (None, {"fields": (("slug", "mode"), ("engine", "opposite"), "pyramiding", "sources", "symbols")}),
        ("Engines", {"classes": ("collapse",), "fields": ("experiment", "agents")}),
        (
            "Size and price",
            {
                "fields": (
                    ("sizing_mode", "sizing_value"),
                    ("target_size", "unit_size"),
                    ("prices", "max_price_age_seconds"),
                )
            },
        ),
        ("Where it trades", {"fields": ("accounts", "groups", "endpoints", "endpoint_groups")}),
        ("When it opens, and whom it asks", {"fields": ("windows", ("approval_seconds", "netting"))}),
        ("Ages", {"fields": (("max_age_seconds", "exit_max_age_seconds"),)}),
        ("Watched", {"fields": (("heal", "expect_every"), "alert_expires_on")}),
        ("State", {"fields": (("created_at", "retired_at"),)}),
    )
    retires = "Its signals are stored and not traded any more. It is refused while it holds a position."

    def seen_by(self, user: Any, queryset: QuerySet[Strategy]) -> QuerySet[Strategy]:
        return queryset.filter(pk__in=visibility.strategies(scope(user)).values("pk"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Strategy]:
        mine = Prefetch("accounts", visible_accounts(request.user).order_by("slug"), to_attr="mine")
        return (
            super()
            .get_queryset(request)
            .prefetch_related(
                Prefetch("sources", Source.objects.defer("secret")),
                *(Prefetch(name, rows) for name, rows in _seen(request.user).items()),
                Prefetch("groups", AccountGroup.objects.order_by("slug").prefetch_related(mine), to_attr="trading"),
            )
        )

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        # The autocomplete only offers: what may be posted is what this says.
        if (rows := _seen(request.user).get(db_field.name)) is not None:
            kwargs["queryset"] = rows
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not of one that trades for others too: who sees it may look."""
        return super().has_change_permission(request, obj) and (obj is None or _owns(request.user, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields

    def retire(self, obj: Strategy, *, now: datetime) -> None:
        if Position.objects.filter(strategy=obj, is_open=True).exists():
            raise Conflict("it holds an open position; close it first")
        obj.mode, obj.retired_at = Strategy.Mode.OFF, now
        obj.save(update_fields=["mode", "retired_at"])

    # The test alert -----------------------------------------------------------------------------------------------

    def has_test_alert_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """To make a signal is to trade, so it is the right to add signals, which no form offers."""
        return bool(request.user.has_perm("signals.add_signal"))

    @action(description="Send test alert", url_path="test-alert", icon="send", permissions=["test_alert"])
    def test_alert_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        person: Any = request.user
        strategy = self.get_object(request, object_id)
        if strategy is None:
            raise Http404
        if not _owns(person, strategy):
            raise PermissionDenied
        form = TestAlertForm(request.POST or None, strategy=strategy)
        step, password = confirm.step(request, form)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "strategy": strategy,
            "back": reverse("admin:signals_strategy_change", args=[strategy.pk]),
        }
        if step is confirm.Step.GO:
            return self._send(request, strategy, form, context)
        if step is confirm.Step.CONFIRM:
            return confirm.page(
                request,
                context=context,
                form=form,
                password=password,
                title=f"Send this test alert to {strategy}?",
                consequences=test_alert.consequences(strategy=strategy, alert=form.summary(), person=person),
                button="Send test alert",
                danger=strategy.mode == Strategy.Mode.LIVE,
            )
        return TemplateResponse(
            request, "admin/signals/test_alert.html", {**context, "title": f"Test alert: {strategy}", "form": form}
        )

    def _send(
        self, request: HttpRequest, strategy: Strategy, form: TestAlertForm, context: dict[str, Any]
    ) -> HttpResponse:
        try:
            signal = test_alert.send(
                strategy=strategy,
                source=form.cleaned_data["source"],
                symbol=form.cleaned_data["symbol"],
                action=form.cleaned_data["action"],
                price=form.cleaned_data["price"],
                by=request.user.get_username(),
                now=clock.now(),
            )
        except TradeOpsError as error:
            form.add_error(None, str(error))
            return TemplateResponse(
                request, "admin/signals/test_alert.html", {**context, "title": f"Test alert: {strategy}", "form": form}
            )
        messages.success(request, "The test alert is on its way; this page follows it to the end.")
        return HttpResponseRedirect(reverse("admin:signals_signal_change", args=[signal.pk]))

    # Columns ------------------------------------------------------------------------------------------------------

    @display(description="Mode", label=COLOURS, ordering="mode")
    def label(self, row: Strategy) -> str:
        return "retired" if row.retired_at else row.mode

    @display(description="Size")
    def size(self, row: Strategy) -> str:
        return f"{row.sizing_mode} {row.sizing_value if row.sizing_value is not None else ''}".strip()

    @display(description="Fed by")
    def fed_by(self, row: Strategy) -> str:
        return ", ".join(source.slug for source in row.sources.all())

    @display(description="Trades on")
    def trades_on(self, row: Any) -> str:
        """Of a group that others are in too, the accounts that the person sees."""
        seen = set(row.groups.all())
        told = [[group] if group in seen else group.mine for group in row.trading]
        return ", ".join(map(str, (*row.accounts.all(), *(one for found in told for one in found))))

    @display(description="Relays to")
    def relays_to(self, row: Strategy) -> str:
        return ", ".join(map(str, (*row.endpoints.all(), *row.endpoint_groups.all())))
