"""What is done with one item beside changing it: find it, ask for the password, do it, go back to its page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin

from . import confirm


class Deeds(ModelAdmin):
    """`row` finds, `ask_first` confirms, `back` returns."""

    def row(self, request: HttpRequest, object_id: str, *, may: Callable[..., bool] | None = None) -> Any:
        """The item. Raises Http404, and PermissionDenied unless `may(request, item)` (changing it, by default)."""
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        if not (may or self.has_change_permission)(request, found):
            raise PermissionDenied
        return found

    def ask_first(
        self, request: HttpRequest, row: Any, *, title: str, consequences: list[str], button: str, danger: bool = True
    ) -> HttpResponse | None:
        """The page that says what it means and asks for the password; None once that was given."""
        form = forms.Form(request.POST if request.method == "POST" else {})
        step, password = confirm.step(request, form)
        if step is confirm.Step.GO:
            return None
        return confirm.page(
            request,
            context=self.context(request, row),
            form=form,
            password=password,
            title=title,
            consequences=consequences,
            button=button,
            danger=danger,
        )

    def context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What every page of an item needs."""
        return {**self.admin_site.each_context(request), "opts": self.opts, "back": self._address(row)}

    def back(self, row: Any) -> HttpResponse:
        return HttpResponseRedirect(self._address(row))

    def _address(self, row: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
