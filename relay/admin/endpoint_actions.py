"""What an operator does with an endpoint beside changing it: ask it, send it a test message, close its breaker."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST
from unfold.decorators import action
from unfold.enums import ActionVariant

from relay import trial
from relay.delivery import breaker
from relay.health import now as health
from relay.health import selectors
from relay.models import Delivery
from tradeops.core import clock
from tradeops.core.admin.retire import RetirableAdmin
from tradeops.core.errors import TradeOpsError


class EndpointActions(RetirableAdmin):
    actions_detail = ["trial_action", "breaker_action", "retire_action"]

    def get_urls(self) -> list[URLPattern]:
        ping = path(
            "<path:object_id>/ping/", self.admin_site.admin_view(require_POST(self.ping)), name="relay_endpoint_ping"
        )
        return [ping, *super().get_urls()]

    def ping(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for its health now, outside of any transaction, and tells the answer."""
        row = self.row(request, object_id)
        [(_, answer)] = health.check([row], now=clock.now())
        if answer.ok:
            messages.success(request, f"{row} is well: HTTP {answer.status_code} in {answer.ms} ms.")
        else:
            tell = messages.error if answer.ok is False else messages.warning
            tell(request, f"{row}: {answer.error} ({answer.ms} ms).")
        return self.back(row)

    def has_trial_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_change_permission(request)

    @action(description="Send test message", url_path="trial", icon="send", permissions=["trial"])
    def trial_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row(request, object_id)
        asked = self.ask_first(
            request,
            row,
            title=f"Send a test message to {row}?",
            consequences=[
                "A real message, signed like every other, is delivered and kept in the ledger.",
                "Its type is test, dry_run is true, and it has no symbol and no action: there is nothing to trade.",
                "A receiver that trades without looking at a message's type should be mended before it is asked.",
            ],
            button="Send test message",
            danger=False,
        )
        if asked is not None:
            return asked
        try:
            delivery = trial.send(endpoint=row, by=request.user.get_username(), now=clock.now())
        except TradeOpsError as error:
            messages.error(request, str(error))
            return self.back(row)
        messages.success(request, "The test message is on its way; this page shows what the receiver answers.")
        return HttpResponseRedirect(reverse("admin:relay_delivery_change", args=[delivery.pk]))

    def has_breaker_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_change_permission(request)

    @action(
        description="Close breaker now", url_path="close-breaker", icon="electrical_services",
        variant=ActionVariant.WARNING, permissions=["breaker"],
    )  # fmt: skip
    def breaker_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row(request, object_id)
        standing = selectors.standings([row], now=clock.now())[row.pk]
        if standing.breaker == "CLOSED":
            messages.info(request, f"The breaker of {row} is closed: its messages go.")
            return self.back(row)
        waiting = Delivery.objects.filter(endpoint=row, status__in=("PENDING", "RETRYING")).count()
        asked = self.ask_first(
            request,
            row,
            title=f"Close the breaker of {row} now?",
            consequences=[
                f"It opened after {standing.failures} failures in a row.",
                f"{waiting} waiting messages are sent at once, in order; what is past its deadline is given up.",
                "It closes by itself as soon as one message is taken: this only saves that wait.",
            ],
            button="Close breaker",
        )
        if asked is not None:
            return asked
        if breaker.close(endpoint=row, by=request.user.get_username(), now=clock.now()):
            self.log_change(request, row, "Closed its breaker.")
            messages.success(request, f"The breaker of {row} is closed.")
        else:
            messages.info(request, f"The breaker of {row} has closed by itself meanwhile.")
        return self.back(row)
