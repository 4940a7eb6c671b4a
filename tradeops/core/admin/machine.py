"""The machine room: signs of life, leases, cursors. Nothing here is edited by hand."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from tradeops.core import clock
from tradeops.core.heartbeat import STALE_AFTER
from tradeops.core.models import ConfigurationVersion, Cursor, Heartbeat, Lease, SealedValue

from .base import LedgerAdmin


@admin.register(Heartbeat)
class HeartbeatAdmin(LedgerAdmin):
    list_display = ("process", "state", "host", "pid", "started_at", "beat_at", "detail")
    search_fields = ("process", "host")

    @display(description="State", label={"alive": "success", "silent": "danger"})
    def state(self, row: Heartbeat) -> str:
        return "alive" if clock.now() - row.beat_at < STALE_AFTER else "silent"


@admin.register(Lease)
class LeaseAdmin(LedgerAdmin):
    list_display = ("name", "holder", "token", "expires_at")


@admin.register(Cursor)
class CursorAdmin(LedgerAdmin):
    list_display = ("name", "position")


@admin.register(ConfigurationVersion)
class ConfigurationVersionAdmin(LedgerAdmin):
    list_display = ("id", "version")


@admin.register(SealedValue)
class SealedValueAdmin(LedgerAdmin):
    """Which sealed values exist. The values themselves are never shown, nor read from the database for this page."""

    list_display = ("name",)
    fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SealedValue]:
        return super().get_queryset(request).defer("value")
