"""The pages of third parties: dressed as ours, or left out."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_q.models import Failure, OrmQ, Schedule, Success
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from unfold.decorators import display
from unfold.paginator import InfinitePaginator
from unfold.views import ChangeList

from tradeops.core.admin.base import LedgerAdmin, PortalAdmin


def tidy(site: admin.AdminSite) -> None:
    """Called by the site's own app once every admin is discovered."""
    for model in (Group, Failure, Success, Schedule, OrmQ, OutstandingToken, BlacklistedToken, TOTPDevice):
        if site.is_registered(model):
            site.unregister(model)
    site.register(Group, GroupAdmin)
    site.register(Failure, FailureAdmin)
    site.register(Schedule, ScheduleAdmin)


class GroupAdmin(DjangoGroupAdmin, PortalAdmin):
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Who may change a group's rights could give them to themselves.
        return bool(getattr(request.user, "is_superuser", False))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))


class TimedLedgerAdmin(LedgerAdmin):
    """django-q's tables, whose keys are no order of arrival: paged by number, without a count."""

    change_list_template = None
    paginator = InfinitePaginator

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ChangeList


class FailureAdmin(TimedLedgerAdmin):
    list_display = ("stopped", "func", "cluster", "attempt_count", "cause")
    ordering = ("-stopped",)
    fields = ("name", "func", "cluster", "started", "stopped", "attempt_count", "cause")
    readonly_fields = fields

    @display(description="Cause")
    def cause(self, row: Failure) -> str:
        return str(row.result)[:300]


class ScheduleAdmin(TimedLedgerAdmin):
    list_display = ("name", "func", "schedule_type", "cron", "next_run")
    ordering = ("name",)
    fields = ("name", "func", "schedule_type", "minutes", "cron", "next_run", "cluster")
