"""Deeds that want a reason: it is asked for first, then what it means and the password, then it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminTextInputWidget

from tradeops.core.admin import confirm
from tradeops.core.admin.deed import Deeds
from tradeops.core.errors import TradeOpsError


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=120, widget=UnfoldAdminTextInputWidget, help_text="Kept with your name, and told to everybody."
    )


class Reasoned(Deeds):
    def reasoned(
        self,
        request: HttpRequest,
        row: Any,
        *,
        title: str,
        consequences: Sequence[str],
        button: str,
        done: str,
        do: Callable[[str], object],
    ) -> HttpResponse:
        """`do(reason)` may raise TradeOpsError, which is told to the person; `done` is told when it did not."""
        form = ReasonForm(request.POST or None)
        step, password = confirm.step(request, form)
        context = {**self.context(request, row), "title": title}
        if step is confirm.Step.CONFIRM:
            return confirm.page(
                request,
                context=context,
                form=form,
                password=password,
                title=title,
                consequences=list(consequences),
                button=button,
            )
        if step is confirm.Step.ASK:
            asked = {"intro": " ".join(consequences), "form": form, "button": "Continue"}
            return TemplateResponse(request, "admin/ask.html", {**context, **asked})
        try:
            do(form.cleaned_data["reason"])
        except TradeOpsError as error:
            messages.error(request, f"Nothing was changed: {error}.")
        else:
            messages.success(request, done)
        return self.back(row)
