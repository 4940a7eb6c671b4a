"""Signing in to the admin: a wrong password counts against the address it came from."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.forms import AuthenticationForm

from accounts import firewall
from tradeops.core import clock


class SignInForm(AuthenticationForm):
    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except forms.ValidationError:
            address = getattr(self.request, "client_address", None)
            firewall.charge(address=address, reason="wrong password at the sign-in page", now=clock.now())
            raise
        return cleaned
