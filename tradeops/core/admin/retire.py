"""Taking configuration out of use: ledgers refer to it, so the row stays and is marked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action
from unfold.enums import ActionVariant

from tradeops.core import clock, configuration
from tradeops.core.errors import TradeOpsError

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
        obj = self.row(request, object_id)
        if obj.retired_at is not None:
            messages.info(request, f"{obj} is retired already.")
            return self.back(obj)
        title = f"Retire {self.opts.verbose_name} {obj}?"
        if (
            asked := self.ask_first(request, obj, title=title, consequences=[self.retires], button="Retire")
        ) is not None:
            return asked
        try:
            with transaction.atomic():
                self.retire(obj, now=clock.now())
                configuration.changed()
            self.log_change(request, obj, "Retired.")
            messages.success(request, f"{obj} is retired.")
        except TradeOpsError as error:
            messages.error(request, f"{obj} was not retired: {error}")
        return self.back(obj)
