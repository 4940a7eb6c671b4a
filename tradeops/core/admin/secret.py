"""Secrets in forms: written, replaced, never shown."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget

from tradeops.core.errors import ConfigurationError


class SecretForm(forms.ModelForm):
    """A form whose `new_secret` goes through the domain's own service, before the row is validated and stored."""

    new_secret = forms.CharField(
        label="Secret",
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters. It cannot be read again; empty keeps the present one.",
    )

    def set_secret(self, secret: str) -> None:
        """Puts the secret on `self.instance`, unsaved. Raises ConfigurationError."""
        raise NotImplementedError

    def has_secret(self) -> bool:
        """Whether the row, as it is about to be stored, has a secret that works."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("new_secret"):
            try:
                self.set_secret(cleaned["new_secret"])
            except ConfigurationError as error:
                self.add_error("new_secret", str(error))
        elif cleaned.get("active") and not self.has_secret():
            self.add_error("new_secret", "It cannot be active without a secret: there is no unauthenticated mode.")
        return cleaned
