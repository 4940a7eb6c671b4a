"""Operators and clients. Who may do what is decided by superusers only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.models import Client, Operator
from tradeops.core.admin.base import ConfigurationAdmin


@admin.register(Client)
class ClientAdmin(ConfigurationAdmin):
    list_display = ("slug", "name")
    search_fields = ("slug", "name")
    ordering = ("slug",)

    def seen_by(self, user: Any, queryset: QuerySet[Client]) -> QuerySet[Client]:
        return queryset.filter(operators=user)


class NewOperatorForm(UserCreationForm):
    class Meta(UserCreationForm.Meta):
        model = Operator


@admin.register(Operator)
class OperatorAdmin(UserAdmin, ConfigurationAdmin):
    form = UserChangeForm
    add_form = NewOperatorForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ("groups", "user_permissions", "clients")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": (("first_name", "last_name"), "email")}),
        ("Sees", {"fields": ("clients",)}),
        ("May", {"fields": (("is_active", "is_staff", "is_superuser"), "groups", "user_permissions")}),
        ("Dates", {"fields": (("last_login", "date_joined"),)}),
    )

    def seen_by(self, user: Any, queryset: QuerySet[Operator]) -> QuerySet[Operator]:
        return queryset.filter(pk=user.pk)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Somebody who may change operators could make themselves one who may do anything.
        return bool(getattr(request.user, "is_superuser", False))
