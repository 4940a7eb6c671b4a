from django.urls import re_path

from tradeops.core.api import Router

from . import views

router = Router()
router.register("accounts", views.AccountViewSet)

urlpatterns = [
    re_path(r"^auth/token/?$", views.Token.as_view(), name="token"),
    re_path(r"^auth/refresh/?$", views.Refresh.as_view(), name="token-refresh"),
    re_path(r"^auth/revoke/?$", views.Revoke.as_view(), name="token-revoke"),
    *router.urls,
]
