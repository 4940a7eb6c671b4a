"""The pre-market analysis: what runs when, what a run found and how good forecasts were."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.selectors import scope
from signals import visibility
from signals.analysis import launch, plans, schedule, score
from signals.models import AnalysisPlan, AnalysisRun, Bar, Forecast, MarketDay
from signals.operator import analysing
from tradeops.core import clock
from tradeops.core.admin.base import LedgerAdmin
from tradeops.core.admin.retire import RetirableAdmin
from tradeops.core.errors import ConfigurationError, Conflict, Forbidden

from . import analysis_chart

STATUS_COLOURS = {
    "COMPLETED": "success", "FAILED": "danger", "MISSED": "warning", "RUNNING": "info", "WAITING": "info",
}  # fmt: skip
NEXT = 10


class PlanForm(forms.ModelForm):
    symbols = forms.CharField(
        widget=UnfoldAdminTextInputWidget, help_text="With commas between them, as the data source names them."
    )
    data = forms.CharField(  # type: ignore[assignment]
        widget=UnfoldAdminTextInputWidget,
        initial="yahoo",
        help_text="yahoo, venue:okx (any exchange by its name), simulated; several with commas: the next is asked "
        "where one fails.",
    )
    provider = forms.ChoiceField(
        choices=lambda: [(kind, kind) for kind in plans.kinds()], widget=UnfoldAdminSelectWidget
    )

    person: Any = None  # whose form it is; the admin says

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["symbols"] = ", ".join(self.instance.symbols)

    def clean_symbols(self) -> list[str]:
        return [part.strip() for part in str(self.cleaned_data["symbols"]).split(",") if part.strip()]

    def clean_data(self) -> str:
        return ",".join(part.strip() for part in str(self.cleaned_data["data"]).split(",") if part.strip())

    def _post_clean(self) -> None:
        """After the model's own checks: what could never run is refused here, not at half past six."""
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            try:
                plans.check(self.instance, now=clock.now())
            except ConfigurationError as error:
                self.add_error(None, str(error))
        if not self.errors:
            try:
                analysing.check(self.instance, person=self.person)
            except Forbidden as error:  # a plan trades by itself, at its times
                self.add_error("strategy", str(error))

    class Meta:
        model = AnalysisPlan
        fields: tuple[str, ...] = ()  # the admin names them


@admin.register(AnalysisPlan)
class AnalysisPlanAdmin(RetirableAdmin):
    form = PlanForm
    list_display = ("slug", "state", "provider", "data", "watched", "fed", "last_run", "next_run")
    list_filter = ("active", "provider")
    list_select_related = ("strategy",)
    search_fields = ("slug",)
    ordering = ("slug",)
    actions_detail = ["run_action", "retire_action"]
    readonly_fields = ("retired_at", "created_at", "timed_at")
    fieldsets = (
        (None, {"fields": ("slug", "symbols", ("provider", "data"), ("strategy", "active"))}),
        ("When", {"fields": (("calendar", "time_zone"), ("first_at", "last_at", "every_minutes"))}),
        (
            "How it judges",
            {"fields": (("horizon_days", "sentiment_weight"), ("buy_above", "strong_above"), "keep_hours")},
        ),
        ("State", {"fields": (("created_at", "timed_at", "retired_at"),)}),
    )
    retires = "It does not run any more; its past runs stay."
    change_form_outer_before_template = "admin/signals/analysis_plan.html"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: AnalysisPlan, form: Any, change: bool) -> None:
        plans.changed(obj, form.changed_data, now=clock.now())
        super().save_model(request, obj, form, change)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.person = request.user
        return form

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "strategy":
            kwargs["queryset"] = visibility.strategies(scope(request.user)).order_by("slug")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not of one that feeds a strategy which trades for others: who sees it may look."""
        return super().has_change_permission(request, obj) and (obj is None or _may_feed(obj, request.user))

    def has_run_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_change_permission(request)

    @action(description="Run now", url_path="run", icon="play_arrow", permissions=["run"])
    def run_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        plan = self.row(request, object_id)
        consequences = [f"{len(plan.symbols)} symbols are asked of {plan.data} and forecast by {plan.provider}."]
        if plan.strategy is not None:
            consequences.append(f"What it finds goes to the strategy {plan.strategy}, which is {plan.strategy.mode}.")
        asked = self.ask_first(
            request, plan, title=f"Run the analysis {plan} now?", consequences=consequences, button="Run now",
            danger=plan.strategy is not None,
        )  # fmt: skip
        if asked is not None:
            return asked
        try:
            run = launch.ask(plan, now=clock.now())
        except Conflict as error:
            messages.warning(request, str(error))
            return self.back(plan)
        messages.success(request, "It is begun; this page shows what it finds.")
        return HttpResponseRedirect(reverse("admin:signals_analysisrun_change", args=[run.pk]))

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        plan = context.get("original")
        if plan is not None:
            context.update(_plan_page(plan, now=clock.now()))
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description="State", label={"active": "success", "off": "warning", "retired": "default"})
    def state(self, row: AnalysisPlan) -> str:
        return "retired" if row.retired_at else "active" if row.active else "off"

    @display(description="Symbols")
    def watched(self, row: AnalysisPlan) -> str:
        return ", ".join(row.symbols[:5]) + (" …" if len(row.symbols) > 5 else "")

    @display(description="Feeds")
    def fed(self, row: AnalysisPlan) -> str:
        return row.strategy.slug if row.strategy else "nobody"

    @display(description="Last run", label=STATUS_COLOURS)
    def last_run(self, row: AnalysisPlan) -> tuple[str, str] | str:
        last = row.runs.order_by("-pk").only("status", "requested_at").first()
        return (last.status, f"{last.status} {last.requested_at:%d %b %H:%M}") if last else ""

    @display(description="Next run")
    def next_run(self, row: AnalysisPlan) -> str:
        found = _upcoming(row, now=clock.now(), count=1)
        return f"{found[0].astimezone(ZoneInfo(row.time_zone)):%a %d %b %H:%M} {row.time_zone}" if found else ""


def _may_feed(plan: AnalysisPlan, person: Any) -> bool:
    try:
        analysing.check(plan, person=person)
    except Forbidden:
        return False
    return True


def _upcoming(plan: AnalysisPlan, *, now: datetime, count: int) -> list[datetime]:
    if not plan.active or plan.retired_at is not None:
        return []
    try:
        return schedule.upcoming(plan, now=now, count=count)
    except ConfigurationError:
        return []


def _plan_page(plan: AnalysisPlan, *, now: datetime) -> dict[str, Any]:
    zone = ZoneInfo(plan.time_zone)
    return {
        "upcoming": [(slot, slot.astimezone(zone)) for slot in _upcoming(plan, now=now, count=NEXT)],
        "runs": plan.runs.order_by("-pk").defer("results")[:NEXT],
        "standings": score.standings(),
        "unscorable": score.unscorable(),
        "calibration": score.calibration("Combined"),
    }


@admin.register(AnalysisRun)
class AnalysisRunAdmin(LedgerAdmin):
    list_display = ("requested_at", "plan", "label", "cause", "scheduled_for", "trading_day", "took", "error")
    list_filter = ("status", "cause", "plan")
    list_select_related = ("plan",)
    search_fields = ("=public_id",)
    search_help_text = "A run's id"
    fields = ("public_id", "plan", "cause", "status", "scheduled_for", "trading_day", "requested_at", "error")
    change_form_outer_before_template = "admin/signals/analysis_run.html"

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        run = context.get("original")
        if run is not None:
            context.update(_run_page(run))
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description="Status", label=STATUS_COLOURS)
    def label(self, row: AnalysisRun) -> str:
        return row.status

    @display(description="Took")
    def took(self, row: AnalysisRun) -> str:
        if row.started_at is None or row.finished_at is None:
            return ""
        return f"{(row.finished_at - row.started_at).total_seconds():.1f} s"


def _run_page(run: AnalysisRun) -> dict[str, Any]:
    told = run.results or {}
    forecasts = {row.symbol: row for row in run.forecasts.exclude(model="Combined")}
    return {
        "told": told,
        "symbols": [
            {"symbol": symbol, "signal": signal, "chart": _chart(forecasts.get(symbol))}
            for symbol, signal in told.get("trading_signals", {}).items()
        ],
        "is_over": run.status not in ("WAITING", "RUNNING"),
    }


def _chart(forecast: Forecast | None) -> analysis_chart.Chart | None:
    if forecast is None:
        return None
    bars = analysis_chart.recent(forecast.source, forecast.symbol, until=forecast.base_date)
    return analysis_chart.of(bars, forecast)


@admin.register(Forecast)
class ForecastAdmin(LedgerAdmin):
    list_display = (
        "made_at", "symbol", "model", "direction", "base_price", "predicted_price", "confidence", "state",
        "actual_price", "scored_at",
    )  # fmt: skip
    list_filter = ("model",)
    search_fields = ("=symbol",)

    @display(description="State", label={"scored": "success", "waits for its day": "info", "unscorable": "warning"})
    def state(self, row: Forecast) -> str:
        return "scored" if row.scored_at else "unscorable" if row.unscorable_at else "waits for its day"


@admin.register(Bar)
class BarAdmin(LedgerAdmin):
    list_display = ("date", "symbol", "source", "open", "high", "low", "close", "volume")
    search_fields = ("=symbol",)


@admin.register(MarketDay)
class MarketDayAdmin(LedgerAdmin):
    list_display = ("date", "calendar", "opens_at", "closes_at", "break_starts_at", "break_ends_at")
    list_filter = ("calendar",)
