"""Dangerous actions: first what it will do, then the password again, then it is done (U4)."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from django import forms
from django.http import HttpRequest
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminPasswordWidget

from tradeops.core import limits

TRIES_PER_MINUTE = 10


class Step(Enum):
    ASK = auto()  # show the form
    CONFIRM = auto()  # show what it means, and ask for the password
    GO = auto()


class PasswordForm(forms.Form):
    confirm_password = forms.CharField(
        label="Your password",
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password", "autofocus": True}),
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_confirm_password(self) -> str:
        user: Any = self.request.user
        over, _wait = limits.hit(request=self.request, group="confirm", value=str(user.pk), per_minute=TRIES_PER_MINUTE)
        if over:
            raise forms.ValidationError("Too many tries; wait a minute.")
        password = str(self.cleaned_data["confirm_password"])
        if not user.check_password(password):
            raise forms.ValidationError("That is not your password. Nothing was changed.")
        return password


def step(request: HttpRequest, form: forms.Form) -> tuple[Step, PasswordForm]:
    """How far this request has come. `form` is bound to `request.POST` on a POST."""
    if request.method != "POST" or not form.is_valid():
        return Step.ASK, PasswordForm(request=request)
    if "confirm_password" not in request.POST:
        return Step.CONFIRM, PasswordForm(request=request)
    password = PasswordForm(request.POST, request=request)
    return (Step.GO if password.is_valid() else Step.CONFIRM), password


def page(
    request: HttpRequest,
    *,
    context: dict[str, Any],
    form: forms.Form,
    password: PasswordForm,
    title: str,
    consequences: list[str],
    button: str,
    danger: bool = True,
) -> TemplateResponse:
    """The page between the form and the deed; it carries the form's values along."""
    return TemplateResponse(
        request,
        "admin/confirm.html",
        {
            **context,
            "title": title,
            "form": form,
            "password": password,
            "consequences": consequences,
            "button": button,
            "danger": danger,
        },
    )
