from __future__ import annotations

import ipaddress

from django import forms
from django.contrib import admin

from relay.models import PrivateNetwork
from tradeops.core.admin.base import ConfigurationAdmin


class PrivateNetworkForm(forms.ModelForm):
    def clean_cidr(self) -> str:
        try:
            return str(ipaddress.ip_network(str(self.cleaned_data["cidr"])))
        except ValueError as error:
            raise forms.ValidationError(f"Not a network such as 10.0.0.0/24: {error}") from error

    class Meta:
        model = PrivateNetwork
        fields: tuple[str, ...] = ()  # the admin names them


@admin.register(PrivateNetwork)
class PrivateNetworkAdmin(ConfigurationAdmin):
    form = PrivateNetworkForm
    list_display = ("cidr",)
    fields = ("cidr",)
    ordering = ("cidr",)
    deletable = True
