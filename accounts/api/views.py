"""Accounts to read, and the tokens that open the API (E2)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.views import TokenBlacklistView, TokenObtainPairView, TokenRefreshView

from accounts import firewall
from accounts.models import Account
from accounts.selectors import visible_accounts
from tradeops.core import clock, limits
from tradeops.core.api import ReadOnlyViewSet, Schema
from tradeops.core.errors import Throttled

from .serializers import AccountSerializer

TRIES_PER_MINUTE = 10


class AccountViewSet(ReadOnlyViewSet):
    """Trading accounts, by slug; never their credentials."""

    serializer_class = AccountSerializer
    queryset = Account.objects.all()
    lookup_field = "slug"
    filterset_fields = ["broker", "market", "active"]

    def visible(self, user: Any) -> QuerySet[Account]:
        return (
            visible_accounts(user)
            .select_related("client", "credential", "sync")
            .defer("credential__sealed", "credential__fingerprint")
            .prefetch_related("balances", "venue_positions")
        )


class Pair(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="Lives 15 minutes: `Authorization: Bearer …`.")
    refresh = serializers.CharField(help_text="Lives a day and works once.")


class Token(TokenObtainPairView):
    """Signs in with name and password."""

    schema = Schema()

    @extend_schema(responses=Pair)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # By name and address: a guesser neither gets on with it nor locks the person out elsewhere.
        address = getattr(request._request, "client_address", None)
        who = f"{address}|{str(_field(request, 'username'))[:150]}"
        over, wait = limits.hit(request=request, group="api-token", value=who, per_minute=TRIES_PER_MINUTE)
        if over:
            raise Throttled("Too many sign-ins with this name; wait a minute.", retry_after=wait)
        try:
            return super().post(request, *args, **kwargs)
        except AuthenticationFailed:
            firewall.charge(address=address, reason="wrong password at the API", now=clock.now())
            raise


class Refresh(TokenRefreshView):
    """A new pair for a refresh token, which is used up by this."""

    schema = Schema()

    @extend_schema(responses=Pair)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().post(request, *args, **kwargs)


class Revoke(TokenBlacklistView):
    """Ends a refresh token."""

    schema = Schema()

    @extend_schema(responses={200: {"type": "object"}})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().post(request, *args, **kwargs)


def _field(request: Request, name: str) -> Any:
    return request.data.get(name, "") if isinstance(request.data, dict) else ""
