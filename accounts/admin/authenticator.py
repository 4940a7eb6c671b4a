"""Each person's own authenticator: set up with a code of it, removed with a code of it; its secret is shown once."""

from __future__ import annotations

from typing import Any

import segno
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import second_factor
from tradeops.core import clock
from tradeops.core.admin import confirm
from tradeops.core.errors import TradeOpsError

URL = "accounts_operator_authenticator"


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code of the app",
        max_length=6,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


def view(request: HttpRequest, *, context: dict[str, Any]) -> HttpResponse:
    """`step` of a POST says how far it is: begin (with the password), confirm (with a code), remove (with both)."""
    step = request.POST.get("step", "") if request.method == "POST" else ""
    doing = {"begin": _begin, "confirm": _confirm, "remove": _remove}.get(step)
    return doing(request, context) if doing else _page(request, context)


def _page(request: HttpRequest, context: dict[str, Any], **shown: Any) -> HttpResponse:
    person: Any = request.user
    found = {
        "title": "Authenticator",
        "enrolled": second_factor.enrolled(person),
        "password": confirm.PasswordForm(request=request),
        "code": CodeForm(),
        "problem": "",
        **shown,
    }
    return TemplateResponse(request, "admin/accounts/authenticator.html", {**context, **found})


def _begin(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    person: Any = request.user
    password = confirm.PasswordForm(request.POST, request=request)
    if not password.is_valid():
        return _page(request, context, password=password)
    try:
        setup = second_factor.begin(person=person)
    except TradeOpsError as error:
        return _page(request, context, problem=str(error))
    picture = segno.make_qr(setup.uri, error="m").svg_data_uri(scale=5, border=3, dark="#000", light="#fff")
    return _page(request, context, setup=setup, picture=picture, confirming=True)


def _confirm(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    return _done(
        request,
        context,
        lambda person, code: second_factor.confirm(person=person, code=code, now=clock.now()),
        said="The authenticator is in use: /resume and /approve ask for its codes.",
        confirming=True,
    )


def _remove(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    password = confirm.PasswordForm(request.POST, request=request)
    if not password.is_valid():
        return _page(request, context, password=password)

    def remove(person: Any, code: str) -> None:
        second_factor.verify(person=person, code=code, now=clock.now())
        second_factor.remove(person=person, by=person.get_username(), now=clock.now())

    return _done(request, context, remove, said="The authenticator is forgotten.")


def _done(request: HttpRequest, context: dict[str, Any], do: Any, *, said: str, **shown: Any) -> HttpResponse:
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _page(request, context, code=form, **shown)
    try:
        do(request.user, form.cleaned_data["code"])
    except TradeOpsError as error:
        return _page(request, context, problem=str(error), **shown)
    messages.success(request, said)
    return HttpResponseRedirect(reverse(f"admin:{URL}"))
