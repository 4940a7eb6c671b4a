"""Operators and clients. Who may do what is decided by superusers only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import second_factor
from accounts.models import Client, Operator
from tradeops.core import clock
from tradeops.core.admin.base import ConfigurationAdmin

from . import authenticator


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
    list_display = (
        "username",
        "role",
        "first_name",
        "last_name",
        "is_active",
        "is_staff",
        "last_login",
    )
    list_filter = ("role", "is_active", "is_staff", "is_superuser")
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ("groups", "user_permissions", "clients")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": (("first_name", "last_name"), "email")}),
        ("Sees", {"fields": ("clients",)}),
        ("May", {"fields": ("role", ("is_active", "is_staff", "is_superuser"), "groups", "user_permissions")}),
        ("Dates", {"fields": (("last_login", "date_joined"),)}),
    )

    change_form_outer_before_template = "admin/accounts/operator.html"

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        row = context.get("original")
        context["enrolled"] = row is not None and second_factor.enrolled(row)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("authenticator/", view(self.authenticator), name=authenticator.URL),
            path(
                "<path:object_id>/authenticator/remove/",
                view(self.remove_authenticator),
                name="accounts_operator_remove_authenticator",
            ),
            *super().get_urls(),
        ]

    def authenticator(self, request: HttpRequest) -> HttpResponse:
        """Of whoever asks, whatever else they may see."""
        context = {**self.admin_site.each_context(request), "opts": self.opts, "back": reverse("admin:index")}
        return authenticator.view(request, context=context)

    def remove_authenticator(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """For somebody whose phone is lost."""
        row: Operator = self.row(request, object_id)
        name = row.get_username()
        asked = self.ask_first(
            request,
            row,
            title=f"Remove the authenticator of {name}?",
            consequences=[f"{name} can do without a code what needs none, and sets up another one as before."],
            button="Remove it",
        )
        if asked is not None:
            return asked
        if second_factor.remove(person=row, by=request.user.get_username(), now=clock.now()):
            messages.success(request, f"{name} has no authenticator any more.")
        return self.back(row)

    def seen_by(self, user: Any, queryset: QuerySet[Operator]) -> QuerySet[Operator]:
        return queryset.filter(pk=user.pk)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Somebody who may change operators could make themselves one who may do anything.
        return bool(getattr(request.user, "is_superuser", False))
