"""The form of a test alert."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from signals.models import Source, Strategy
from signals.operator.test_alert import ACTIONS
from tradeops.core import money


class TestAlertForm(forms.Form):
    source = forms.ModelChoiceField(
        Source.objects.none(), empty_label=None, widget=UnfoldAdminSelectWidget, help_text="In whose name it is sent."
    )
    symbol = forms.CharField(
        max_length=60, widget=UnfoldAdminTextInputWidget, help_text="The ticker as the sender writes it."
    )
    action = forms.ChoiceField(choices=[(action, action) for action in ACTIONS], widget=UnfoldAdminSelectWidget)
    price = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text="Needed where prices come from the message.",
    )

    def __init__(self, *args: Any, strategy: Strategy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        source: Any = self.fields["source"]
        source.queryset = strategy.sources.filter(retired_at=None).order_by("slug")
        self.fields["symbol"].initial = next(iter(strategy.symbols), "")

    def clean_price(self) -> Decimal | None:
        text = str(self.cleaned_data["price"]).strip()
        if not text:
            return None
        try:
            price = money.exact(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        if price <= 0:
            raise forms.ValidationError("Must be above zero.")
        return price

    def summary(self) -> str:
        price = self.cleaned_data["price"]
        return f"{self.cleaned_data['action']} {self.cleaned_data['symbol']}" + (
            f" at {money.plain(price)}" if price is not None else ""
        )
