"""Flatten: what is to be closed, a preview with the password, and the result of each account."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectMultipleWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Account
from accounts.selectors import scope, visible_accounts
from signals import visibility
from signals.models import Order, Position
from signals.operator import flatten
from signals.operator.flatten import Result, Target
from tradeops.core import clock
from tradeops.core.admin import confirm
from tradeops.core.ids import uuid7


class FlattenForm(forms.Form):
    """`request_id` is made with the first page: sent twice, it is carried out once."""

    request_id = forms.UUIDField(widget=forms.HiddenInput)
    accounts = forms.MultipleChoiceField(widget=UnfoldAdminSelectMultipleWidget)
    strategy = forms.ChoiceField(required=False, label="Only this strategy", widget=UnfoldAdminSelectWidget)
    symbol = forms.ChoiceField(required=False, label="Only this symbol", widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(
        max_length=120, widget=UnfoldAdminTextInputWidget, help_text="Kept with your name, and told to everybody."
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        seen = visible_accounts(user).filter(retired_at=None).order_by("slug")
        strategies = visibility.strategies(scope(user)).order_by("slug").values_list("slug", flat=True)
        chosen: dict[str, Any] = dict(self.fields)
        chosen["accounts"].choices = [(slug, slug) for slug in seen.values_list("slug", flat=True)]
        chosen["strategy"].choices = [("", "every strategy"), *((slug, slug) for slug in strategies)]
        chosen["symbol"].choices = [("", "every symbol"), *((name, name) for name in _symbols(seen))]

    def targets(self) -> list[Target]:
        data = self.cleaned_data
        rows = Account.objects.filter(slug__in=data["accounts"]).order_by("slug")
        return [Target(account=row, strategy=data["strategy"], symbol=data["symbol"]) for row in rows]


def _symbols(accounts: Any) -> list[str]:
    """Those with something to close or to cancel."""
    held = Position.objects.filter(account__in=accounts.values("pk"), is_open=True).values_list("symbol", flat=True)
    live = Order.objects.filter(flatten.LIVE, account__in=accounts.values("pk")).values_list("symbol", flat=True)
    return sorted({*held, *live})


def view(request: HttpRequest, *, context: dict[str, Any]) -> HttpResponse:
    """The whole way; whoever calls has checked the permission. `?account=` and `?strategy=` choose beforehand."""
    form = FlattenForm(request.POST or None, user=request.user, initial=_initial(request))
    step, password = confirm.step(request, form)
    if step is confirm.Step.ASK:
        intro = "Choose what is to be flat. The next page shows what would be closed; nothing happens before that."
        return TemplateResponse(
            request,
            "admin/ask.html",
            {**context, "title": "Flatten", "intro": intro, "form": form, "button": "Show what would be closed"},
        )
    if step is confirm.Step.CONFIRM:
        return _preview(request, form, password, context)
    data = form.cleaned_data
    results = flatten.flatten(
        form.targets(),
        request_id=str(data["request_id"]),
        by=request.user.get_username(),
        reason=data["reason"],
        now=clock.now(),
    )
    return _results(request, form, results, context)


def _initial(request: HttpRequest) -> dict[str, Any]:
    asked = request.GET
    return {
        "request_id": uuid7(),
        "accounts": asked.getlist("account"),
        "strategy": asked.get("strategy", ""),
        "symbol": asked.get("symbol", ""),
    }


def _preview(
    request: HttpRequest, form: FlattenForm, password: confirm.PasswordForm, context: dict[str, Any]
) -> HttpResponse:
    previews = [(target, flatten.preview(target)) for target in form.targets()]
    shown = {
        "title": "Flatten?",
        "form": form,
        "password": password,
        "previews": previews,
        "empty": all(found.empty for _, found in previews),
        "closes": sum(1 for _, found in previews for each in found.closings if each.quantity),
        "cancels": sum(len(found.entries) for _, found in previews),
    }
    return TemplateResponse(request, "admin/signals/flatten.html", {**context, **shown})


def _results(request: HttpRequest, form: FlattenForm, results: list[Result], context: dict[str, Any]) -> HttpResponse:
    data = form.cleaned_data
    asked = [("account", slug) for slug in data["accounts"]]
    asked += [(name, data[name]) for name in ("strategy", "symbol") if data[name]]
    shown = {
        "title": "Flattened",
        "results": results,
        "problems": any(result.problem for result in results),
        "look_again": f"{reverse('admin:signals_order_flatten')}?{urlencode(asked)}",
    }
    return TemplateResponse(request, "admin/signals/flattened.html", {**context, **shown})
