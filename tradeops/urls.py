"""Every path of the portal. Webhook, API and health paths work with and without the last `/` and never redirect."""

from django.contrib import admin
from django.urls import include, path, re_path

from signals.api.analysis import Analyze, Results
from signals.operator.telegram import door as telegram
from tradeops import health, pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("", include("tradeops.health")),
    path("", include(health.urlpatterns)),
    path("", include("signals.intake.urls")),
    path("api/v1/", include("accounts.api.urls")),
    path("api/v1/", include("relay.api.urls")),
    path("api/v1/", include("signals.api.urls")),
    re_path(rf"^{telegram.PATH}/?$", telegram.receive, name="telegram"),
    re_path(r"^results/?$", Results.as_view(), name="results"),
    re_path(r"^analyze/?$", Analyze.as_view(), name="analyze"),
    re_path(r"^api/schema/?$", pages.Schema.as_view(), name="schema"),
    re_path(r"^api/docs/?$", pages.docs, name="docs"),
    path("admin/", admin.site.urls),
]

handler404 = "tradeops.pages.not_found"
handler500 = "tradeops.pages.server_error"
