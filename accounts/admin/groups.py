"""Groups of accounts: who trades with whom, how much each, and who is paused (S7)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.decorators import display

from accounts import groups
from accounts.models import AccountGroup, AccountGroupMember
from accounts.selectors import visible_accounts, visible_groups
from tradeops.core import money
from tradeops.core.admin.retire import RetirableAdmin
from tradeops.core.errors import Conflict


class Members(forms.BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        accounts = [data["account"].pk for data in kept if data.get("account")]
        if self.instance.pk and (why := groups.twice_in(self.instance, accounts=accounts)):
            raise forms.ValidationError(f"{why[0].upper()}{why[1:]}.")

    def save_existing(self, form: Any, obj: Any, commit: bool = True) -> Any:
        if "start" in form.changed_data:
            form.instance.started_at = None  # it begins anew
        return super().save_existing(form, obj, commit=commit)


class MemberInline(TabularInline):
    model = AccountGroupMember
    formset = Members
    fields = ("account", "multiplier", "cap", "paused", "start", "started_at")
    readonly_fields = ("started_at",)
    ordering = ("account__slug",)
    extra = 0
    min_num = 1
    hide_title = True
    verbose_name = "member"
    verbose_name_plural = "members: each trades the strategy's size times its multiplier"

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        return super().get_formset(request, obj, validate_min=True, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.has_change_permission(request, obj))  # no ledger refers to a membership

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "account":
            kwargs["queryset"] = visible_accounts(request.user).filter(retired_at=None).order_by("slug")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(AccountGroup)
class AccountGroupAdmin(RetirableAdmin):
    list_display = ("slug", "state", "in_it", "traded_by", "created_at")
    search_fields = ("slug",)
    ordering = ("slug",)
    inlines = (MemberInline,)
    readonly_fields = ("retired_at", "created_at")
    fieldsets = (
        (None, {"fields": ("slug",)}),
        ("State", {"fields": (("created_at", "retired_at"),)}),
    )
    retires = "Strategies that trade this group reach none of its accounts by it any more."

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccountGroup]:
        members = AccountGroupMember.objects.select_related("account").order_by("account__slug")
        return super().get_queryset(request).prefetch_related(Prefetch("members", members), "strategies")

    def seen_by(self, user: Any, queryset: QuerySet[AccountGroup]) -> QuerySet[AccountGroup]:
        return queryset.filter(pk__in=visible_groups(user).values("pk"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields

    def retire(self, obj: AccountGroup, *, now: datetime) -> None:
        users: QuerySet[Any] = obj.strategies.filter(retired_at=None).exclude(mode="off").order_by("slug")
        if using := ", ".join(users.values_list("slug", flat=True)):
            raise Conflict(f"it is traded by {using}; take it out there, or switch that off")
        obj.retired_at = now
        obj.save(update_fields=["retired_at"])

    # Columns ------------------------------------------------------------------------------------------------------

    @display(description="State", label={"in use": "success", "retired": "warning"})
    def state(self, row: AccountGroup) -> str:
        return "retired" if row.retired_at else "in use"

    @display(description="Members")
    def in_it(self, row: AccountGroup) -> str:
        return ", ".join(_told(member) for member in row.members.all())

    @display(description="Traded by")
    def traded_by(self, row: AccountGroup) -> str:
        return ", ".join(sorted(strategy.slug for strategy in row.strategies.all()))


def _told(member: AccountGroupMember) -> str:
    """Such as `okx-1 × 2 (paused)`."""
    times = f" × {money.plain(member.multiplier)}" if member.multiplier != 1 else ""
    waits = member.start == AccountGroupMember.Start.NEXT_FLAT and member.started_at is None
    state = " (paused)" if member.paused else " (begins when flat)" if waits else ""
    return f"{member.account.slug}{times}{state}"
