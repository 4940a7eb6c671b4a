from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class AdminConfig(DjangoAdminConfig):
    default_site = "tradeops.site.PortalSite"

    def ready(self) -> None:
        super().ready()  # every app's admin is registered by now
        from django.contrib import admin

        from .admin import tidy

        tidy(admin.site)


class PortalConfig(AppConfig):
    """The composition root: installed last, so that every app is there when the wiring is done."""

    name = "tradeops"
    label = "tradeops"
    verbose_name = "Portal"

    def ready(self) -> None:
        from . import wiring

        wiring.connect()
