"""Two kinds of admin page: ledgers, which are only read, and configuration, whose changes every process learns."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path, unquote
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.admin import TabularInline
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from tradeops.core import configuration
from tradeops.core.fields import ExactDecimalField

from .deed import Deeds

PLACE = ("older", "newer")


class OnePage(Paginator):
    """Satisfies Django's change list without a count: the keyset list below takes its rows itself."""

    @cached_property
    def count(self) -> int:
        return 0


class KeysetChangeList(ChangeList):
    """Newest first, paged by primary key: a page costs the same at row 1 and at row 1,000,000 (U6).

    `?older=<pk>` shows what follows that row, `?newer=<pk>` what precedes it. No link but these two and no form takes
    the place along: what is searched or filtered for is shown from its newest row on.
    """

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        for name in PLACE:  # the search form carries what is left here
            self.params.pop(name, None)
            self.filter_params.pop(name, None)

    def get_filters_params(self, params: Any = None) -> Any:
        found = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in PLACE}

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        return str(super().get_query_string(new_params, [*(remove or ()), *PLACE]))

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str]:
        return ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        older, newer = (self._place(request.GET.get(name)) for name in PLACE)
        rows: QuerySet[Any] = self.queryset
        if newer is not None:
            rows = rows.filter(pk__gt=newer).order_by("pk")
        elif older is not None:
            rows = rows.filter(pk__lt=older)
        found = list(rows[: self.list_per_page + 1])
        more = len(found) > self.list_per_page
        found = found[: self.list_per_page]
        if newer is not None:
            found.reverse()
        self.has_older = bool(found) and (more if newer is None else True)
        self.has_newer = bool(found) and (more if newer is not None else older is not None)
        self.older_url = self._turn(older=found[-1].pk) if self.has_older else ""
        self.newer_url = self._turn(newer=found[0].pk) if self.has_newer else ""
        self.result_list = found
        self.result_count = len(found)
        self.full_result_count = len(found)  # what the header compares with: no second number
        self.show_full_result_count = False
        self.show_admin_actions = False
        self.can_show_all = self.multi_page = False
        self.paginator = OnePage([], self.list_per_page)

    def _turn(self, **place: Any) -> str:
        return self.get_query_string(new_params=place)

    def _place(self, text: str | None) -> Any:
        try:
            return self.model._meta.pk.to_python(text) if text else None
        except ValidationError:
            return None  # a mistyped address shows the newest


class WholeChangeList(ChangeList):
    """Lists of configuration: short, paged by number, and their header says no more than what it shows."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count


class SeenFilter(admin.RelatedFieldListFilter):
    """Offers what the person sees on the related rows' own pages: Django's offers every row there is."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        related, site = field.remote_field.model, model_admin.admin_site
        limit: dict[str, Any] = {}
        if not getattr(request.user, "is_superuser", False) and site.is_registered(related):
            limit["pk__in"] = site.get_model_admin(related).get_queryset(request).values("pk")
        ordering = self.field_admin_ordering(field, request, model_admin)
        return field.get_choices(include_blank=False, ordering=ordering, limit_choices_to=limit)


class PortalAdmin(Deeds):
    """What both kinds share: no counts beyond need, and nobody sees more than is theirs."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    compressed_fields = True
    list_filter_sheet = True
    actions: Any = None
    formfield_overrides: Any = {
        ExactDecimalField: {"widget": UnfoldAdminTextInputWidget},
        models.URLField: {"assume_scheme": "https"},
        models.JSONField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 4})},
    }

    def seen_by(self, user: Any, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The part of `queryset` that a person who is no superuser may see (E2)."""
        return queryset

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset = super().get_queryset(request)
        return queryset if getattr(request.user, "is_superuser", False) else self.seen_by(request.user, queryset)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        """A row that is not there is said to be missing before any deed is asked whether it may be done to it."""
        if self.get_object(request, unquote(object_id)) is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return super().change_view(request, object_id, form_url, extra_context)

    def get_list_filter(self, request: HttpRequest) -> Any:
        found: Any = super().get_list_filter(request)
        return [(each, SeenFilter) if self._is_relation(each) else each for each in found]

    def _is_relation(self, name: Any) -> bool:
        return isinstance(name, str) and get_fields_from_path(self.model, name)[-1].is_relation

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # ledgers refer to it: configuration is retired, ledgers stay


class LedgerAdmin(PortalAdmin):
    """Written by the machine, read by people (U4)."""

    change_list_template: Any = "admin/keyset_change_list.html"
    sortable_by = ()
    # The id of these tables is the order of arrival; anything else would need an index of its own.
    ordering = ("-pk",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeysetChangeList

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LedgerInline(TabularInline):
    """Rows of one ledger inside another's page."""

    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ConfigurationAdmin(PortalAdmin):
    """What the operator decides. A saved change is known to every process within a second.

    Ledgers refer to most of it, so it is retired, not deleted; `deletable` marks what nothing refers to.
    """

    warn_unsaved_form = True
    deletable = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return WholeChangeList

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.deletable and admin.ModelAdmin.has_delete_permission(self, request, obj)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        configuration.changed()

    def save_related(self, request: HttpRequest, form: forms.ModelForm[Any], formsets: Any, change: bool) -> None:
        """The last write of Django's change view, inside its transaction."""
        super().save_related(request, form, formsets, change)
        configuration.changed()


def describe(model: type[Model], *names: str) -> tuple[str, ...]:
    """The model's concrete fields in their order, without `names`: what a ledger's page shows."""
    return tuple(
        field.name for field in model._meta.concrete_fields if field.name not in names and not field.primary_key
    )
