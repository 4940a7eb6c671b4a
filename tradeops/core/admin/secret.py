"""Secrets in forms: written, replaced, never shown."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import Any

from django import forms
from django.forms.models import ModelFormMetaclass
from unfold.widgets import UnfoldAdminPasswordWidget

from tradeops.core.errors import ConfigurationError


class AbstractModelForm(ModelFormMetaclass, ABCMeta):
    """Django's forms have a metaclass of their own."""


class SecretForm(forms.ModelForm, metaclass=AbstractModelForm):
    """A form whose `new_secret` goes through the domain's own service, before the row is validated and stored."""

    new_secret = forms.CharField(
        label="Secret",
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters. It cannot be read again; empty keeps the present one.",
    )

    @abstractmethod
    def set_secret(self, secret: str) -> None:
        """Puts the secret on `self.instance`, unsaved. Raises ConfigurationError."""

    @abstractmethod
    def has_secret(self) -> bool:
        """Whether the row, as it is about to be stored, has a secret that works."""

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
