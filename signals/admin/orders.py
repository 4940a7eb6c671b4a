"""Orders: the list, and the page that shows one from its making to the venue's last word, with what a person may do."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST
from unfold.decorators import display

from accounts.selectors import scope
from signals import visibility
from signals.execution import cancel, reconcile
from signals.execution.lifecycle import FINAL
from signals.models import Order, OrderAnswer, OrderStep
from signals.reconciliation import cursor
from tradeops.core import clock
from tradeops.core.admin.base import LedgerAdmin, describe
from tradeops.core.clock import milliseconds_between
from tradeops.core.colours import COLOURS
from tradeops.core.errors import TradeOpsError
from tradeops.core.money import plain

from . import flatten
from .ledgers import OfAccounts
from .reasoned import Reasoned

ANSWERS_SHOWN = 30
CLIENT_ID_LENGTH = 32


@admin.register(Order)
class OrderAdmin(OfAccounts, Reasoned):
    list_display = (
        "created_at", "account", "strategy", "what", "size", "filled", "label", "mode", "client_order_id", "message",
    )  # fmt: skip
    list_filter = ("status", "origin", "mode", "strategy", "account")
    list_select_related = ("account", "strategy")
    search_fields = ("=client_order_id",)
    search_help_text = "A client order id"
    list_before_template = "admin/signals/orders_head.html"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("flatten/", wrap(self.flatten), name="signals_order_flatten"),
            path("<path:object_id>/cancel/", wrap(self.cancel), name="signals_order_cancel"),
            path("<path:object_id>/query/", wrap(require_POST(self.query)), name="signals_order_query"),
            path("<path:object_id>/never-arrived/", wrap(self.never_arrived), name="signals_order_never_arrived"),
        ]
        return [*own, *super().get_urls()]

    # The page ----------------------------------------------------------------------------------------------------

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Order | None:
        """By row, or by the id that logs, messages and the venue use."""
        if len(object_id) == CLIENT_ID_LENGTH:
            return self.get_queryset(request).filter(client_order_id=object_id).first()
        return super().get_object(request, object_id, from_field)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        order = self.get_object(request, object_id)
        if order is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, order):
            raise PermissionDenied
        context = page(order) | {"original": order, "may_act": self.may_act(request)}
        if "fragment" in request.GET:
            response = TemplateResponse(request, "admin/signals/order_life.html", context)
            response["X-Settled"] = "1" if context["settled"] else "0"
            return response
        shell = {"opts": self.opts, "title": f"{order.side} {order.symbol} on {order.account}", "media": self.media}
        return TemplateResponse(
            request, "admin/signals/order.html", {**self.admin_site.each_context(request), **context, **shell}
        )

    # What a person may do ----------------------------------------------------------------------------------------

    def may_act(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("signals.change_order"))

    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        order = self.row(request, object_id, may=self.may_act)
        means = [
            "What was not sent yet ends at once; what rests at the venue is cancelled there within seconds.",
            "What has filled stays, and so does what fills before the venue hears of it.",
        ]
        if order.intent == Order.Intent.CLOSE:
            means.append("It is an exit: the position that it was to close stays open.")
        return self.reasoned(
            request,
            order,
            title=f"Cancel {order}?",
            consequences=means,
            button="Cancel the order",
            done="The order is being cancelled; this page shows what the venue says.",
            do=lambda reason: cancel.ask(order, reason=reason, by=request.user.get_username(), now=clock.now()),
        )

    def query(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks the venue once more, in a process that holds the keys. Changes nothing by itself: no password."""
        order = self.row(request, object_id, may=self.may_act)
        try:
            reconcile.now(order, by=request.user.get_username())
            messages.success(request, "The venue is being asked; this page shows its answer.")
        except TradeOpsError:
            # Final here: only a comparison of the whole account still looks at it.
            cursor.ask([order.account_id], now=clock.now())
            messages.success(request, f"{order.account} is being compared with its venue, this order with it.")
        return self.back(order)

    def never_arrived(self, request: HttpRequest, object_id: str) -> HttpResponse:
        order = self.row(request, object_id, may=self.may_act)
        if order.status != Order.Status.UNKNOWN:
            messages.info(request, f"This order is {order.status}: it is known what became of it.")
            return self.back(order)
        again = "An exit is sent again under the same id; so is an entry while its signal is fresh, else it expires."
        return self.reasoned(
            request,
            order,
            title=f"{order} never arrived?",
            consequences=[
                "Look it up at the venue first, among open orders, history and trades.",
                again,
                "If it did arrive after all, the position may come to twice its size. A late order is found by the "
                "next comparison and told of.",
                f"Entries of {order.symbol} on {order.account} pass again.",
            ],
            button="It never arrived",
            done="Noted. The order goes on as one that the venue never had.",
            do=lambda reason: reconcile.never_arrived(order, by=request.user.get_username(), reason=reason),
        )

    def flatten(self, request: HttpRequest) -> HttpResponse:
        if not self.may_act(request):
            raise PermissionDenied
        back = reverse("admin:signals_order_changelist")
        context = {**self.admin_site.each_context(request), "opts": self.opts, "back": back}
        return flatten.view(request, context=context)

    # Columns -----------------------------------------------------------------------------------------------------

    @display(description="Order")
    def what(self, row: Order) -> str:
        return f"{row.side} {row.symbol}"

    @display(description="Size")
    def size(self, row: Order) -> str | None:
        return plain(row.quantity)

    @display(description="Filled")
    def filled(self, row: Order) -> str:
        at = f" at {plain(row.average_price)}" if row.average_price is not None else ""
        return f"{plain(row.filled_quantity)}{at}"

    @display(description="Status", label=COLOURS)
    def label(self, row: Order) -> str:
        return row.status


def page(order: Order) -> dict[str, Any]:
    """What `order_life.html` shows."""
    steps = list(order.steps.order_by("at", "id"))
    answers = list(order.answers.order_by("-id")[:ANSWERS_SHOWN])
    return {
        "order": order,
        "settled": order.status in FINAL,
        "said": said(order),
        "tone": _TONES.get(order.status, "info"),
        "steps": [_moment(step, order.created_at) for step in steps],
        "answers": [(answer, _pretty(answer.body)) for answer in answers],
        "fills": list(order.fills.order_by("id")),
        "external": list(order.external_trades.order_by("id")),
        "cancellable": order.status not in FINAL and order.cancel_asked_at is None,
        "differences": list(
            order.account.venue_differences.filter(reference=order.client_order_id, resolved_at=None)[:5]
        ),
    }


_TONES = {"FILLED": "good", "REJECTED": "bad", "UNKNOWN": "bad", "EXPIRED": "warn", "CANCELED": "warn",
          "PARTIALLY_FILLED": "info"}  # fmt: skip
_SAID = {
    Order.Status.PENDING: "It waits to be sent.",
    Order.Status.SUBMITTED: "It is on its way to the venue.",
    Order.Status.OPEN: "It rests at the venue.",
    Order.Status.PARTIALLY_FILLED: "It rests at the venue, filled in part.",
    Order.Status.FILLED: "It is filled.",
    Order.Status.CANCELED: "It was cancelled.",
    Order.Status.REJECTED: "It was rejected.",
    Order.Status.EXPIRED: "It expired.",
    Order.Status.UNKNOWN: "Nobody knows whether the venue has it. Entries of its symbol wait; exits pass.",
}


def said(order: Order) -> str:
    """One sentence on what became of it, and why."""
    text = _SAID[Order.Status(order.status)]
    if order.cancel_asked_at and order.status not in FINAL:
        text += " It is being cancelled."
    return f"{text} {order.message[:1].upper()}{order.message[1:]}".strip()


def _moment(step: OrderStep, start: datetime) -> dict[str, Any]:
    ms = milliseconds_between(start, step.at)
    return {"ms": ms, "step": step.step, "detail": step.detail, "at": clock.iso_ms(step.at)}


def _pretty(body: str) -> str:
    """JSON is indented; anything else is as it came."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


@admin.register(OrderStep)
class OrderStepAdmin(LedgerAdmin):
    list_display = ("at", "order", "step", "detail")
    list_select_related = ("order",)
    fields = describe(OrderStep)

    def seen_by(self, user: Any, queryset: Any) -> Any:
        return queryset.filter(order__in=_orders_of(user).values("pk"))


@admin.register(OrderAnswer)
class OrderAnswerAdmin(LedgerAdmin):
    """What venues answered, without secrets: the adapters leave them out before anything is stored."""

    list_display = ("at", "order", "call", "outcome", "ms")
    list_filter = ("call",)
    list_select_related = ("order",)
    search_fields = ("=order__client_order_id",)
    search_help_text = "A client order id"
    fields = describe(OrderAnswer)

    def seen_by(self, user: Any, queryset: Any) -> Any:
        return queryset.filter(order__in=_orders_of(user).values("pk"))


def _orders_of(user: Any) -> Any:
    return visibility.orders(scope(user))
