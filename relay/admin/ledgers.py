"""What was told, to whom, and how each try went. Nothing here is changed by hand."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from accounts.selectors import scope
from relay import visibility
from relay.models import Attempt, Delivery, EndpointState, HealthCheck, Message, Notification, UptimeHour
from tradeops.core.admin.base import LedgerAdmin, LedgerInline, describe
from tradeops.core.colours import COLOURS


class AttemptInline(LedgerInline):
    model = Attempt
    fields = ("at", "status_code", "ms", "error", "answer")
    ordering = ("id",)


@admin.register(Delivery)
class DeliveryAdmin(LedgerAdmin):
    list_display = ("created_at", "endpoint", "label", "type", "symbol", "tries", "delivered_at", "reason")
    list_filter = ("status", "endpoint", "type")
    list_select_related = ("endpoint", "message")
    search_fields = ("subject",)
    search_help_text = "The id it was sent under: the signal's or the order's"
    inlines = (AttemptInline,)
    fields = describe(Delivery, "claim_token", "lease_until")

    def seen_by(self, user: Any, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        return queryset.filter(pk__in=visibility.deliveries(scope(user)).values("pk"))

    @display(description="Status", label=COLOURS)
    def label(self, row: Delivery) -> str:
        return row.status

    @display(description="Symbol")
    def symbol(self, row: Delivery) -> str:
        return row.message.symbol


@admin.register(Attempt)
class AttemptAdmin(LedgerAdmin):
    list_display = ("at", "endpoint", "status_code", "ms", "error")
    list_select_related = ("delivery__endpoint",)
    fields = describe(Attempt)

    def seen_by(self, user: Any, queryset: QuerySet[Attempt]) -> QuerySet[Attempt]:
        return queryset.filter(delivery__in=visibility.deliveries(scope(user)).values("pk"))

    @display(description="Endpoint")
    def endpoint(self, row: Attempt) -> str:
        return row.delivery.endpoint.slug


@admin.register(HealthCheck)
class HealthCheckAdmin(LedgerAdmin):
    list_display = ("at", "endpoint", "found", "status_code", "ms", "error")
    list_filter = ("endpoint",)
    list_select_related = ("endpoint",)
    fields = describe(HealthCheck)

    def get_queryset(self, request: HttpRequest) -> QuerySet[HealthCheck]:
        return super().get_queryset(request).defer("endpoint__secret", "endpoint__report_secret")

    def seen_by(self, user: Any, queryset: QuerySet[HealthCheck]) -> QuerySet[HealthCheck]:
        return queryset.filter(endpoint__in=visibility.endpoints(scope(user)).values("pk"))

    @display(description="Found", label={"healthy": "success", "unhealthy": "danger", "unknown": "warning"})
    def found(self, row: HealthCheck) -> str:
        return {True: "healthy", False: "unhealthy", None: "unknown"}[row.ok]


@admin.register(UptimeHour)
class UptimeHourAdmin(LedgerAdmin):
    list_display = ("hour", "endpoint", "checks", "ok", "average")
    list_filter = ("endpoint",)
    list_select_related = ("endpoint",)
    fields = describe(UptimeHour)

    def get_queryset(self, request: HttpRequest) -> QuerySet[UptimeHour]:
        return super().get_queryset(request).defer("endpoint__secret", "endpoint__report_secret")

    def seen_by(self, user: Any, queryset: QuerySet[UptimeHour]) -> QuerySet[UptimeHour]:
        return queryset.filter(endpoint__in=visibility.endpoints(scope(user)).values("pk"))

    @display(description="Average")
    def average(self, row: UptimeHour) -> str:
        return f"{round(row.ms / row.ok)} ms" if row.ok else ""


@admin.register(EndpointState)
class EndpointStateAdmin(LedgerAdmin):
    list_display = ("endpoint", "breaker", "since", "failures", "probe_at", "healthy", "checked_at", "check_due_at")
    list_select_related = ("endpoint",)
    fields = describe(EndpointState)

    def get_queryset(self, request: HttpRequest) -> QuerySet[EndpointState]:
        return super().get_queryset(request).defer("endpoint__secret", "endpoint__report_secret")

    def seen_by(self, user: Any, queryset: QuerySet[EndpointState]) -> QuerySet[EndpointState]:
        return queryset.filter(endpoint__in=visibility.endpoints(scope(user)).values("pk"))


@admin.register(Message)
class MessageAdmin(LedgerAdmin):
    list_display = ("created_at", "event", "label", "title", "strategy", "account", "symbol")
    list_filter = ("level",)
    search_fields = ("signal",)
    search_help_text = "A signal's id"
    fields = describe(Message)

    def seen_by(self, user: Any, queryset: QuerySet[Message]) -> QuerySet[Message]:
        return queryset.filter(pk__in=visibility.messages(scope(user)).values("pk"))

    @display(description="Level", label=COLOURS)
    def label(self, row: Message) -> str:
        return row.level


@admin.register(Notification)
class NotificationAdmin(LedgerAdmin):
    list_display = ("created_at", "channel", "label", "title", "together", "tries", "sent_at", "held", "error")
    list_filter = ("status", "channel")
    list_select_related = ("channel", "message")
    fields = describe(Notification, "claim_token", "lease_until")

    def seen_by(self, user: Any, queryset: QuerySet[Notification]) -> QuerySet[Notification]:
        return queryset.filter(pk__in=visibility.notifications(scope(user)).values("pk"))

    @display(description="Status", label=COLOURS)
    def label(self, row: Notification) -> str:
        return row.status

    @display(description="What")
    def title(self, row: Notification) -> str:
        return row.message.title
