"""Taking configuration out of use: ledgers refer to it, so the row stays and is marked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action
from unfold.enums import ActionVariant

from tradeops.core import clock, configuration
from tradeops.core.errors import TradeOpsError

from . import confirm
from .base import ConfigurationAdmin


class RetirableAdmin(ConfigurationAdmin):
    """Adds `Retire` to an item's page. It asks for the password, since senders or orders stop there and then."""

    actions_detail = ["retire_action"]
    retires = "It stops at once, on every process. Its history stays; it can be put back by the configuration file."

    def retire(self, obj: Any, *, now: datetime) -> None:
        """Raises TradeOpsError while the item is still needed."""
        obj.active = False
        obj.retired_at = now
        obj.save(update_fields=["active", "retired_at"])

    def has_retire_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_change_permission(request)

    @action(
        description="Retire", url_path="retire", icon="archive", variant=ActionVariant.DANGER, permissions=["retire"]
    )
    def retire_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404
        if not self.has_change_permission(request, obj):
            raise PermissionDenied
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[obj.pk])
        if obj.retired_at is not None:
            messages.info(request, f"{obj} is retired already.")
            return HttpResponseRedirect(back)
        form = forms.Form(request.POST if request.method == "POST" else {})
        step, password = confirm.step(request, form)
        if step is confirm.Step.GO:
            try:
                with transaction.atomic():
                    self.retire(obj, now=clock.now())
                    configuration.changed()
                self.log_change(request, obj, "Retired.")
                messages.success(request, f"{obj} is retired.")
            except TradeOpsError as error:
                messages.error(request, f"{obj} was not retired: {error}")
            return HttpResponseRedirect(back)
        return confirm.page(
            request,
            context={**self.admin_site.each_context(request), "opts": self.opts, "back": back},
            form=form,
            password=password,
            title=f"Retire {self.opts.verbose_name} {obj}?",
            consequences=[self.retires],
            button="Retire",
        )
