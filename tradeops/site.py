"""The admin site. It knows no model's page: those are found after it is made, and register with it."""

from __future__ import annotations

from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite

from tradeops import dashboard


class PortalSite(UnfoldAdminSite):
    site_title = site_header = "TradeOps"
    index_title = "Dashboard"

    def extra_urls(self) -> list[URLPattern]:
        return [path("dashboard/", self.admin_view(self.facts), name="dashboard_facts")]

    def facts(self, request: HttpRequest) -> TemplateResponse:
        """What changes on the dashboard, without the page around it."""
        return TemplateResponse(request, "admin/dashboard_facts.html", dashboard.context(request, {}))
