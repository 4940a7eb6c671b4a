"""What each account would get: symbol, instrument, size, price and legs of an alert that nobody sends (S1)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.selectors import scope
from signals.models import Strategy
from signals.pipeline import preview
from signals.receive import Alert
from signals.strategies import symbols
from tradeops.core import clock, money
from tradeops.core.admin.retire import RetirableAdmin
from tradeops.core.errors import ConfigurationError

_SAYS = {
    "buy": {"action": "buy"},
    "sell": {"action": "sell"},
    "close": {"action": "close"},
    "reverse": {"action": "reverse"},
    "be long": {"market_position": "long"},
    "be short": {"market_position": "short"},
    "be flat": {"market_position": "flat"},
}
_AMOUNTS = ("price", "quantity", "size")


def _amount(help_text: str) -> forms.CharField:
    widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"})
    return forms.CharField(required=False, max_length=40, widget=widget, help_text=help_text)


class MappingForm(forms.Form):
    ticker = forms.CharField(
        max_length=60,
        widget=UnfoldAdminTextInputWidget,
        help_text="As the sender writes it: BINANCE:BTCUSDT.P",
    )
    says = forms.ChoiceField(
        label="The alert says", choices=[(name, name) for name in _SAYS], widget=UnfoldAdminSelectWidget
    )
    price = _amount("Its own price; needed where prices come from the message.")
    quantity = _amount("Where the strategy sizes by the message.")
    size = _amount("market_position_size, where target sizes count.")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for name in _AMOUNTS:
            try:
                data[name] = _exact(data.get(name, ""))
            except ValueError as error:
                self.add_error(name, str(error))
        return data

    def alert(self) -> Alert:
        data = self.cleaned_data
        says: dict[str, Any] = _SAYS[data["says"]]
        return Alert(
            symbol=data["ticker"].upper(), price=data["price"], quantity=data["quantity"],
            market_position_size=data["size"], **says,
        )  # fmt: skip


def _exact(text: str) -> Decimal | None:
    """Raises ValueError."""
    value = money.exact(text) if text.strip() else None
    if value is not None and value < 0:
        raise ValueError("must not be below zero")
    return value


class MappingPages(RetirableAdmin):
    """For the strategies' admin: who may look at a strategy may look at this."""

    def has_mapping_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_view_permission(request)

    @action(description="What each account would get", url_path="mapping", icon="account_tree", permissions=["mapping"])
    def mapping_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        strategy: Strategy = self.row(request, object_id, may=self.has_view_permission)
        initial = {"ticker": next(iter(strategy.symbols), ""), "says": "buy"}
        asked = request.GET if "ticker" in request.GET else None
        form = MappingForm(asked, initial=initial)
        context = {
            **self.context(request, strategy),
            "title": f"What each account of {strategy} would get",
            "strategy": strategy,
            "form": form,
            **(_found(request, strategy, form) if asked is not None and form.is_valid() else {}),
        }
        return TemplateResponse(request, "admin/signals/mapping.html", context)


def _found(request: HttpRequest, strategy: Strategy, form: MappingForm) -> dict[str, Any]:
    try:
        shown = preview.of(strategy, form.alert(), now=clock.now())
    except ConfigurationError as error:
        form.add_error(None, str(error))
        return {}
    mine = scope(request.user)
    seen = None if mine is None else set(mine.values_list("pk", flat=True))
    rows = [one for one in shown if seen is None or one.look.account.pk in seen]
    ticker = form.cleaned_data["ticker"].upper()
    return {"asked": True, "mapped": symbols.lookup(strategy.symbols, ticker), "rows": rows, "ticker": ticker}
