from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.selectors import scope
from relay.models import Endpoint
from signals import visibility
from signals.models import Position, Source, Strategy
from signals.operator import test_alert
from signals.strategies import sizing, symbols
from tradeops.core import clock
from tradeops.core.admin import confirm
from tradeops.core.admin.retire import RetirableAdmin
from tradeops.core.colours import COLOURS
from tradeops.core.errors import ConfigurationError, Conflict, TradeOpsError

from .test_alert import TestAlertForm


def _names(registry: Any) -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(registry)]


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
        if "heal" in self.fields:  # who may only look has no fields
            self.fields["heal"].required = False  # left out, it is what a new strategy has

    def clean_heal(self) -> str:
        return str(self.cleaned_data["heal"] or self.instance.heal)

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
        elif (
            value is None
            and cleaned.get("sizing_mode") in sizing.NEEDS_VALUE
            and cleaned.get("mode") != Strategy.Mode.OFF
        ):
            self.add_error("sizing_value", f"The sizing mode {cleaned['sizing_mode']} needs a value.")
        return cleaned

    class Meta:
        model = Strategy
        fields: tuple[str, ...] = ()  # the admin names them


@admin.register(Strategy)
class StrategyAdmin(RetirableAdmin):
    form = StrategyForm
    list_display = ("slug", "label", "engine", "size", "fed_by", "trades_on", "relays_to", "max_age_seconds")
    list_filter = ("mode",)
    search_fields = ("slug",)
    ordering = ("slug",)
    readonly_fields = ("retired_at", "created_at")
    autocomplete_fields = ("sources", "accounts", "endpoints", "endpoint_groups")
    actions_detail = ["test_alert_action", "retire_action"]
    fieldsets = (
        (None, {"fields": (("slug", "mode"), ("engine", "opposite"), "pyramiding", "sources", "symbols")}),
        ("Size and price", {"fields": (("sizing_mode", "sizing_value"), ("prices", "max_price_age_seconds"))}),
        ("Where it trades", {"fields": ("accounts", "endpoints", "endpoint_groups")}),
        ("Ages", {"fields": (("max_age_seconds", "exit_max_age_seconds"),)}),
        ("Watched", {"fields": (("heal", "expect_every"), "alert_expires_on")}),
        ("State", {"fields": (("created_at", "retired_at"),)}),
    )
    retires = "Its signals are stored and not traded any more. It is refused while it holds a position."

    def seen_by(self, user: Any, queryset: QuerySet[Strategy]) -> QuerySet[Strategy]:
        return queryset.filter(pk__in=visibility.strategies(scope(user)).values("pk"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Strategy]:
        return (
            super()
            .get_queryset(request)
            .prefetch_related(
                Prefetch("sources", Source.objects.defer("secret")),
                "accounts",
                Prefetch("endpoints", Endpoint.objects.defer("secret", "report_secret")),
                "endpoint_groups",
            )
        )

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
        strategy = self.get_object(request, object_id)
        if strategy is None:
            raise Http404
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
                consequences=test_alert.consequences(strategy=strategy, alert=form.summary()),
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
    def trades_on(self, row: Strategy) -> str:
        return ", ".join(account.slug for account in row.accounts.all())

    @display(description="Relays to")
    def relays_to(self, row: Strategy) -> str:
        return ", ".join(map(str, (*row.endpoints.all(), *row.endpoint_groups.all())))
