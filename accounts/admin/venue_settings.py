"""What venues were last told of leverage and margin mode. Nothing here is edited by hand."""

from __future__ import annotations

from django.contrib import admin

from accounts.models import VenueSetting
from tradeops.core.admin.base import LedgerAdmin


@admin.register(VenueSetting)
class VenueSettingAdmin(LedgerAdmin):
    list_display = ("name", "value", "at", "unsure_until")
    search_fields = ("name",)
