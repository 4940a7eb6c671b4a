"""Where accounts and venues differ, what was compared, and trades that no order of ours asked for (P1)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from accounts.models import Account
from accounts.selectors import visible_accounts
from signals.models import (
    ExternalPosition,
    ExternalTrade,
    Order,
    Reconciliation,
    ReconciliationCursor,
    SymbolBlock,
    VenueDifference,
)
from signals.reconciliation import cursor, settle
from signals.tending.duties import at_venues
from tradeops.core import clock
from tradeops.core.admin.base import describe
from tradeops.core.money import plain

from .ledgers import OfAccounts
from .reasoned import Reasoned


class OpenFirst(admin.SimpleListFilter):
    """Only the open ones, unless asked otherwise."""

    title = "state"
    parameter_name = "state"
    ended_by = "resolved_at"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "All"), ("ended", "Resolved")]

    def choices(self, changelist: Any) -> Any:
        found = list(super().choices(changelist))
        found[0]["display"] = "Open"
        return found

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(**{f"{self.ended_by}__isnull": self.value() != "ended"})


class NotLifted(OpenFirst):
    ended_by = "lifted_at"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "All"), ("ended", "Lifted")]


class Comparable(OfAccounts, Reasoned):
    """A list of accounts at venues, with the button that has them compared now."""

    list_before_template = "admin/signals/compare_now.html"

    def may_act(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("signals.change_venuedifference"))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        rows = visible_accounts(request.user).filter(pk__in=at_venues()).order_by("slug")
        shown = {"at_venues": rows, "may_act": self.may_act(request)}
        return super().changelist_view(request, {**shown, **(extra_context or {})})


@admin.register(VenueDifference)
class VenueDifferenceAdmin(Comparable):
    list_display = ("since", "account", "kind", "symbol", "here", "there", "state", "seen", "todo")
    list_filter = (OpenFirst, "kind", "account")
    list_select_related = ("account",)
    search_fields = ("=reference",)
    search_help_text = "A client order id or a trade id"
    fields = (*describe(VenueDifference), "links")
    readonly_fields = ("links",)
    actions_detail = ("external_action", "close_action")

    def has_external_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.may_act(request)

    has_close_permission = has_external_permission

    @action(
        description="Count as external", url_path="external", icon="call_split", variant=ActionVariant.WARNING,
        permissions=["external"],
    )  # fmt: skip
    def external_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row(request, object_id, may=self.may_act)
        if row.kind != VenueDifference.Kind.POSITION or row.resolved_at:
            messages.info(request, "Only an open difference of a position can be counted as external.")
            return self.back(row)
        return self.reasoned(
            request,
            row,
            title=f"Count the difference in {row.symbol} on {row.account} as external?",
            consequences=[
                f"Here it is {row.ours}, at the venue {row.venue}: what lies between belongs to no strategy from now "
                "on.",
                "Positions of strategies stay as they are. Right for a deposit, a withdrawal, or somebody else's "
                "position; wrong where an order of ours is missing.",
            ],
            button="Count as external",
            done="Counted as external; both agree.",
            do=lambda reason: settle.as_external(row, by=request.user.get_username(), reason=reason, now=clock.now()),
        )

    @action(description="Close", url_path="close", icon="task_alt", permissions=["close"])
    def close_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row(request, object_id, may=self.may_act)
        if row.kind == VenueDifference.Kind.POSITION or row.resolved_at:
            messages.info(request, "A position's difference ends when both agree, or is counted as external.")
            return self.back(row)
        return self.reasoned(
            request,
            row,
            title=f"Close the difference of {row.reference}?",
            consequences=[
                "Nothing is changed here or at the venue. If the next comparison finds it again, it opens again.",
            ],
            button="Close",
            done="The difference is closed.",
            do=lambda reason: settle.close(row, by=request.user.get_username(), reason=reason, now=clock.now()),
        )

    @display(description="Since", ordering="first_seen_at")
    def since(self, row: VenueDifference) -> Any:
        return row.first_seen_at

    @display(description="Ours")
    def here(self, row: VenueDifference) -> str:
        return row.ours

    @display(description="Venue")
    def there(self, row: VenueDifference) -> str:
        return row.venue

    @display(description="State", label={"open": "danger", "resolved": "success"})
    def state(self, row: VenueDifference) -> str:
        return "resolved" if row.resolved_at else "open"

    @display(description="Last seen")
    def seen(self, row: VenueDifference) -> Any:
        return row.last_seen_at

    @display(description="What to do")
    def todo(self, row: VenueDifference) -> str:
        return row.resolution or row.detail

    @display(description="See")
    def links(self, row: VenueDifference) -> str:
        account = format_html(
            '<a href="{}">account</a>', reverse("admin:accounts_account_change", args=[row.account_id])
        )
        order = Order.objects.filter(account=row.account_id, client_order_id=row.reference).first()
        if order is None:
            return account
        return format_html(
            '{}, <a href="{}">order</a>', account, reverse("admin:signals_order_change", args=[order.pk])
        )


@admin.register(Reconciliation)
class ReconciliationAdmin(Comparable):
    list_display = (
        "started_at", "account", "cause", "state", "took", "orders", "trades", "positions", "differences", "problem",
    )  # fmt: skip
    list_filter = ("cause", "account")
    list_select_related = ("account",)
    fields = describe(Reconciliation)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.ask))
        return [path("ask/", view, name="signals_reconciliation_ask"), *super().get_urls()]

    def ask(self, request: HttpRequest) -> HttpResponse:
        """One account, by slug, or all that this person sees. Nothing is changed at a venue by it: no password."""
        if not self.may_act(request):
            raise PermissionDenied
        rows = visible_accounts(request.user).filter(pk__in=at_venues())
        if request.POST.get("account"):
            rows = rows.filter(slug=request.POST["account"])
        chosen: list[Account] = list(rows)
        cursor.ask([row.pk for row in chosen], now=clock.now())
        if chosen:
            names = ", ".join(row.slug for row in chosen)
            messages.success(request, f"Being compared with the venue now: {names}. The newest run is on top.")
        else:
            messages.info(request, "No account at a venue was chosen: paper accounts have their books here.")
        return HttpResponseRedirect(reverse("admin:signals_reconciliation_changelist"))

    @display(description="State", label={"agrees": "success", "differs": "danger", "failed": "warning", "runs": "info"})
    def state(self, row: Reconciliation) -> str:
        if row.finished_at is None:
            return "runs"
        if row.problem:
            return "failed"
        return "differs" if row.differences else "agrees"

    @display(description="Took")
    def took(self, row: Reconciliation) -> str:
        return f"{clock.milliseconds_between(row.started_at, row.finished_at)} ms" if row.finished_at else ""


@admin.register(ExternalTrade)
class ExternalTradeAdmin(OfAccounts):
    list_display = ("at", "account", "label", "what", "at_price", "cost", "whose", "trade_id")
    list_filter = ("cause", "account")
    list_select_related = ("account", "order__strategy")
    search_fields = ("=trade_id",)
    search_help_text = "The venue's trade id"
    fields = describe(ExternalTrade)

    @display(description="Cause", label={"hand": "warning", "liquidation": "danger", "venue": "danger"})
    def label(self, row: ExternalTrade) -> str:
        return row.cause

    @display(description="Trade")
    def what(self, row: ExternalTrade) -> str:
        return f"{row.side} {plain(row.quantity)} {row.symbol} {row.position_side}".strip()

    @display(description="Price")
    def at_price(self, row: ExternalTrade) -> str | None:
        return plain(row.price)

    @display(description="Fee")
    def cost(self, row: ExternalTrade) -> str:
        return f"{plain(row.fee)} {row.fee_currency}"

    @display(description="Booked on")
    def whose(self, row: ExternalTrade) -> str:
        if row.order is None:
            return "nobody: external"
        rest = row.quantity - row.booked
        return f"{row.order.strategy}" + (f", {plain(rest)} external" if rest else "")


@admin.register(ExternalPosition)
class ExternalPositionAdmin(OfAccounts):
    list_display = ("account", "symbol", "side", "held", "updated_at")
    list_filter = ("account",)
    list_select_related = ("account",)
    fields = describe(ExternalPosition)

    @display(description="Quantity")
    def held(self, row: ExternalPosition) -> str | None:
        return plain(row.quantity)


@admin.register(SymbolBlock)
class SymbolBlockAdmin(OfAccounts, Reasoned):
    list_display = ("since", "account", "symbol", "state", "lifted_at", "lifted_by", "reason")
    list_filter = (NotLifted, "account")
    list_select_related = ("account",)
    fields = describe(SymbolBlock)
    actions_detail = ("lift_action",)

    def has_lift_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("signals.change_symbolblock"))

    @action(
        description="Lift the block", url_path="lift", icon="lock_open", variant=ActionVariant.WARNING,
        permissions=["lift"],
    )  # fmt: skip
    def lift_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row(request, object_id, may=self.has_lift_permission)
        if row.lifted_at:
            messages.info(request, "It was lifted already: entries pass.")
            return self.back(row)
        trade = row.trade
        return self.reasoned(
            request,
            row,
            title=f"Let entries of {row} pass again?",
            consequences=[
                f"It is blocked because somebody traded by hand: {trade.side} {plain(trade.quantity)} at "
                f"{plain(trade.price)}.",
                "The next signal may open a position beside what was traded by hand.",
            ],
            button="Lift the block",
            done="Entries pass again.",
            do=lambda reason: settle.lift(row, by=request.user.get_username(), reason=reason, now=clock.now()),
        )

    @display(description="State", label={"blocked": "danger", "lifted": "success"})
    def state(self, row: SymbolBlock) -> str:
        return "lifted" if row.lifted_at else "blocked"


@admin.register(ReconciliationCursor)
class ReconciliationCursorAdmin(OfAccounts):
    list_display = ("account", "trades_until", "baseline_at", "asked_at", "due_at", "lease_until")
    list_select_related = ("account",)
    fields = describe(ReconciliationCursor, "claim_token")
