"""What was decided, ordered, filled and held, and what was turned away. Nothing here is changed by hand."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from unfold.decorators import display

from accounts.selectors import scope
from signals import visibility
from signals.models import (
    Decision,
    DedupKey,
    Fill,
    Order,
    OrderStep,
    PaperBalance,
    PaperOrder,
    Position,
    WorkItem,
)
from tradeops.core.admin.base import LedgerAdmin, LedgerInline, describe
from tradeops.core.colours import COLOURS
from tradeops.core.money import plain


class OfAccounts(LedgerAdmin):
    """A ledger whose rows belong to an account."""

    def seen_by(self, user: Any, queryset: QuerySet[Any]) -> QuerySet[Any]:
        bound = scope(user)
        return queryset if bound is None else queryset.filter(account__in=bound.values("pk"))


@admin.register(Decision)
class DecisionAdmin(LedgerAdmin):
    list_display = ("decided_at", "signal", "strategy", "account", "endpoint", "label", "intent", "mode", "reason")
    list_filter = ("outcome", "strategy", "account")
    list_select_related = ("signal", "strategy", "account", "endpoint")
    search_fields = ("=signal__public_id",)
    search_help_text = "A signal's id"
    fields = describe(Decision)

    def seen_by(self, user: Any, queryset: QuerySet[Decision]) -> QuerySet[Decision]:
        return queryset.filter(pk__in=visibility.decisions(scope(user)).values("pk"))

    @display(description="Outcome", label=COLOURS)
    def label(self, row: Decision) -> str:
        return row.outcome


class StepInline(LedgerInline):
    model = OrderStep
    fields = ("at", "step", "detail")
    ordering = ("id",)


class FillInline(LedgerInline):
    model = Fill
    fields = ("at", "quantity", "price", "fee", "fee_currency", "trade_id")
    ordering = ("id",)


@admin.register(Order)
class OrderAdmin(OfAccounts):
    list_display = (
        "created_at", "account", "strategy", "what", "size", "filled", "label", "mode", "client_order_id", "message",
    )  # fmt: skip
    list_filter = ("status", "mode", "strategy", "account")
    list_select_related = ("account", "strategy")
    search_fields = ("=client_order_id",)
    search_help_text = "A client order id"
    inlines = (StepInline, FillInline)
    fields = describe(Order, "claim_token", "lease_until", "tries")

    @display(description="Order")
    def what(self, row: Order) -> str:
        return f"{row.side} {row.symbol}"

    @display(description="Size")
    def size(self, row: Order) -> str | None:
        return plain(row.quantity)

    @display(description="Filled")
    def filled(self, row: Order) -> str:
        at = f" at {plain(row.average_price)}" if row.average_price is not None else ""
        return f"{plain(row.filled_quantity)}{at}"

    @display(description="Status", label=COLOURS)
    def label(self, row: Order) -> str:
        return row.status


@admin.register(OrderStep)
class OrderStepAdmin(LedgerAdmin):
    list_display = ("at", "order", "step", "detail")
    list_select_related = ("order",)
    fields = describe(OrderStep)

    def seen_by(self, user: Any, queryset: QuerySet[OrderStep]) -> QuerySet[OrderStep]:
        return queryset.filter(order__in=visibility.orders(scope(user)).values("pk"))


@admin.register(Fill)
class FillAdmin(OfAccounts):
    list_display = ("at", "account", "side", "symbol", "amount", "at_price", "cost", "order")
    list_filter = ("account",)
    list_select_related = ("account", "order")
    search_fields = ("=order__client_order_id",)
    search_help_text = "A client order id"
    fields = describe(Fill)

    @display(description="Quantity")
    def amount(self, row: Fill) -> str | None:
        return plain(row.quantity)

    @display(description="Price")
    def at_price(self, row: Fill) -> str | None:
        return plain(row.price)

    @display(description="Fee")
    def cost(self, row: Fill) -> str:
        return f"{plain(row.fee)} {row.fee_currency}"


@admin.register(Position)
class PositionAdmin(OfAccounts):
    list_display = ("strategy", "account", "symbol", "label", "held", "average", "pnl", "paid", "is_open", "updated_at")
    list_filter = ("is_open", "strategy", "account")
    list_select_related = ("strategy", "account")
    fields = describe(Position)

    @display(description="Side", label=COLOURS)
    def label(self, row: Position) -> str:
        return row.side

    @display(description="Quantity")
    def held(self, row: Position) -> str | None:
        return plain(row.quantity)

    @display(description="Average price")
    def average(self, row: Position) -> str | None:
        return plain(row.average_price)

    @display(description="Realised")
    def pnl(self, row: Position) -> str | None:
        return plain(row.realised_pnl)

    @display(description="Fees")
    def paid(self, row: Position) -> str | None:
        return plain(row.fees)


@admin.register(DedupKey)
class DedupKeyAdmin(LedgerAdmin):
    list_display = ("source", "signal_public_id", "expires_at")
    list_select_related = ("source",)
    fields = describe(DedupKey)


@admin.register(WorkItem)
class WorkItemAdmin(LedgerAdmin):
    list_display = ("signal", "strategy", "lane", "label", "due_at", "tries", "error")
    list_filter = ("state",)
    list_select_related = ("signal", "strategy")
    fields = describe(WorkItem, "claim_token")

    def seen_by(self, user: Any, queryset: QuerySet[WorkItem]) -> QuerySet[WorkItem]:
        return queryset.filter(strategy__in=visibility.strategies(scope(user)).values("pk"))

    @display(description="State", label=COLOURS)
    def label(self, row: WorkItem) -> str:
        return row.state


@admin.register(PaperBalance)
class PaperBalanceAdmin(OfAccounts):
    list_display = ("account", "currency", "holds")
    list_filter = ("account",)
    list_select_related = ("account",)
    fields = describe(PaperBalance)

    @display(description="Amount")
    def holds(self, row: PaperBalance) -> str | None:
        return plain(row.amount)


@admin.register(PaperOrder)
class PaperOrderAdmin(OfAccounts):
    list_display = ("at", "account", "side", "symbol", "size", "label", "at_price", "client_order_id", "message")
    list_filter = ("account",)
    list_select_related = ("account",)
    search_fields = ("=client_order_id",)
    search_help_text = "A client order id"
    fields = describe(PaperOrder)

    @display(description="Quantity")
    def size(self, row: PaperOrder) -> str | None:
        return plain(row.quantity)

    @display(description="Price")
    def at_price(self, row: PaperOrder) -> str | None:
        return plain(row.price)

    @display(description="Status", label=COLOURS)
    def label(self, row: PaperOrder) -> str:
        return row.status
