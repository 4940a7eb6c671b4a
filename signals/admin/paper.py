"""The paper venue's own books, and what may be done with them: start an account afresh, put money in or take it out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Account
from accounts.selectors import visible_accounts
from signals.models import PaperBalance, PaperMove, PaperOrder, PaperPosition, PaperTrade, StoredQuote
from signals.paper import reset
from tradeops.core import clock, money
from tradeops.core.admin import confirm
from tradeops.core.admin.base import LedgerAdmin, describe
from tradeops.core.colours import COLOURS
from tradeops.core.errors import TradeOpsError
from tradeops.core.money import plain

from .ledgers import OfAccounts

AFRESH, DEPOSIT, WITHDRAW = "afresh", "deposit", "withdraw"


class MoneyForm(forms.Form):
    account = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    deed = forms.ChoiceField(
        label="What",
        choices=[(AFRESH, "Start afresh"), (DEPOSIT, "Put money in"), (WITHDRAW, "Take money out")],
        widget=UnfoldAdminSelectWidget,
    )
    currency = forms.CharField(required=False, max_length=12, initial="USDT", widget=UnfoldAdminTextInputWidget)
    amount = forms.CharField(required=False, widget=UnfoldAdminTextInputWidget, help_text="Not needed to start afresh.")

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows = {row.slug: row for row in visible_accounts(user).filter(broker="paper", retired_at=None)}
        chosen: dict[str, Any] = dict(self.fields)
        chosen["account"].choices = [(slug, slug) for slug in sorted(self.rows)]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("deed") in (DEPOSIT, WITHDRAW):
            if not data.get("currency", "").strip():
                self.add_error("currency", "Which currency?")
            try:
                data["money"] = money.exact(data.get("amount", ""))
                if data["money"] <= 0:
                    raise ValueError("use an amount above zero")
            except ValueError as error:
                self.add_error("amount", str(error).capitalize() + ".")
        return data

    @property
    def chosen(self) -> Account:
        row: Account = self.rows[self.cleaned_data["account"]]
        return row

    def consequences(self) -> list[str]:
        data = self.cleaned_data
        if data["deed"] == AFRESH:
            opening = ", ".join(f"{amount} {currency}" for currency, amount in self.chosen.initial_balances.items())
            return [
                f"{self.chosen.slug} has its initial money again: {opening or 'none'}.",
                "What has happened stays in its ledgers. It is refused while anything is held or under way.",
            ]
        word = "into" if data["deed"] == DEPOSIT else "out of"
        return [f"{plain(data['money'])} {data['currency'].upper()} {word} {self.chosen.slug}; no profit and no loss."]

    def carry_out(self, *, by: str) -> None:
        """Raises Refused or Conflict, with what to do."""
        data, now = self.cleaned_data, clock.now()
        if data["deed"] == AFRESH:
            reset.to_start(self.chosen, now=now, by=by)
            return
        amount = data["money"] if data["deed"] == DEPOSIT else -data["money"]
        reset.deposit(self.chosen, currency=data["currency"].strip().upper(), amount=amount, now=now, by=by)


@admin.register(PaperBalance)
class PaperBalanceAdmin(OfAccounts):
    list_display = ("account", "currency", "holds", "aside")
    list_filter = ("account",)
    list_select_related = ("account",)
    list_before_template = "admin/signals/paper_head.html"
    fields = describe(PaperBalance)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [path("money/", wrap(self.money), name="signals_paper_money"), *super().get_urls()]

    def money(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        if not user.has_perm("accounts.change_account"):
            raise PermissionDenied
        back = reverse("admin:signals_paperbalance_changelist")
        context = {**self.admin_site.each_context(request), "opts": self.opts, "back": back}
        form = MoneyForm(request.POST or None, user=user)
        step, password = confirm.step(request, form)
        if step is confirm.Step.ASK:
            intro = "Paper accounts only. The next page says what it means; nothing happens before that."
            asked = {"title": "Money of a paper account", "intro": intro, "form": form, "button": "Go on"}
            return TemplateResponse(request, "admin/ask.html", {**context, **asked})
        if step is confirm.Step.CONFIRM:
            title = dict(form.fields["deed"].choices)[form.cleaned_data["deed"]]  # type: ignore[attr-defined]
            return confirm.page(
                request,
                context=context,
                form=form,
                password=password,
                title=f"{title}?",
                consequences=form.consequences(),
                button=title,
            )
        try:
            form.carry_out(by=user.get_username())
        except TradeOpsError as error:
            messages.error(request, f"Nothing was changed: {error}.")
        else:
            messages.success(request, f"Done: {form.consequences()[0]}")
        return HttpResponseRedirect(back)

    @display(description="Amount")
    def holds(self, row: PaperBalance) -> str | None:
        return plain(row.amount)

    @display(description="Of it set aside")
    def aside(self, row: PaperBalance) -> str | None:
        return plain(row.held)


@admin.register(PaperOrder)
class PaperOrderAdmin(OfAccounts):
    list_display = (
        "at", "account", "side", "symbol", "type", "size", "label", "at_price", "client_order_id", "message",
    )  # fmt: skip
    list_filter = ("account", "type", "cause")
    list_select_related = ("account",)
    search_fields = ("=client_order_id",)
    search_help_text = "A client order id"
    fields = describe(PaperOrder)

    @display(description="Filled of")
    def size(self, row: PaperOrder) -> str | None:
        return f"{plain(row.filled)} of {plain(row.quantity)}"

    @display(description="Price")
    def at_price(self, row: PaperOrder) -> str | None:
        return plain(row.price)

    @display(description="Status", label=COLOURS)
    def label(self, row: PaperOrder) -> str:
        return row.status


@admin.register(PaperPosition)
class PaperPositionAdmin(OfAccounts):
    list_display = ("account", "symbol", "net", "average", "mark", "set_aside", "margin_mode", "updated_at")
    list_filter = ("account",)
    list_select_related = ("account",)
    fields = describe(PaperPosition)

    @display(description="Net quantity")
    def net(self, row: PaperPosition) -> str | None:
        return plain(row.quantity)

    @display(description="Average price")
    def average(self, row: PaperPosition) -> str | None:
        return plain(row.average_price)

    @display(description="Mark")
    def mark(self, row: PaperPosition) -> str | None:
        return plain(row.mark_price)

    @display(description="Margin")
    def set_aside(self, row: PaperPosition) -> str | None:
        return plain(row.margin)


@admin.register(PaperTrade)
class PaperTradeAdmin(OfAccounts):
    list_display = ("at", "account", "order", "number", "amount", "at_price", "cost")
    list_filter = ("account",)
    list_select_related = ("account", "order")
    fields = describe(PaperTrade)

    @display(description="Quantity")
    def amount(self, row: PaperTrade) -> str | None:
        return plain(row.quantity)

    @display(description="Price")
    def at_price(self, row: PaperTrade) -> str | None:
        return plain(row.price)

    @display(description="Fee")
    def cost(self, row: PaperTrade) -> str:
        return f"{plain(row.fee)} {row.fee_currency}"


@admin.register(PaperMove)
class PaperMoveAdmin(OfAccounts):
    list_display = ("at", "account", "cause", "symbol", "change", "note")
    list_filter = ("account", "cause")
    list_select_related = ("account",)
    fields = describe(PaperMove)

    @display(description="Amount")
    def change(self, row: PaperMove) -> str:
        return f"{plain(row.amount)} {row.currency}"


@admin.register(StoredQuote)
class StoredQuoteAdmin(LedgerAdmin):
    list_display = ("at", "source", "symbol", "bid_is", "ask_is")
    list_filter = ("source", "symbol")
    fields = describe(StoredQuote)

    @display(description="Bid")
    def bid_is(self, row: StoredQuote) -> str | None:
        return plain(row.bid)

    @display(description="Ask")
    def ask_is(self, row: StoredQuote) -> str | None:
        return plain(row.ask)
