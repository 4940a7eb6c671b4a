"""Round trips: the trade record of each position from flat to flat (P3)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.selectors import scope
from signals import visibility
from signals.models import Position, RoundTrip
from signals.portfolio import trips
from tradeops.core.api import ReadOnlyViewSet
from tradeops.core.drf import ExactDecimal, Moment
from tradeops.core.money import plain

from .serializers import PublicId, Slug

NUMBER = r"\d{1,18}"


class TradeSerializer(serializers.ModelSerializer[RoundTrip]):
    """Amounts in the quote currency; `net_pnl` is after fees and funding, `r` in units of what was risked."""

    strategy = Slug()
    account = Slug()
    signal = PublicId(source="opened_by")
    quantity = ExactDecimal(source="entered", read_only=True)
    closed_quantity = ExactDecimal(source="left", read_only=True)
    entry_price = serializers.SerializerMethodField()
    exit_price = serializers.SerializerMethodField()
    realised_pnl = ExactDecimal(read_only=True)
    fees = ExactDecimal(read_only=True)
    funding = ExactDecimal(read_only=True)
    net_pnl = serializers.SerializerMethodField()
    initial_stop = ExactDecimal(read_only=True)
    risked = ExactDecimal(read_only=True)
    r = serializers.SerializerMethodField()
    duration_seconds = serializers.SerializerMethodField()
    opened_at = Moment(read_only=True)
    closed_at = Moment(read_only=True)

    class Meta:
        model = RoundTrip
        fields = (
            "id", "strategy", "account", "symbol", "side", "variant", "signal", "quantity", "closed_quantity",
            "entry_price", "exit_price", "realised_pnl", "fees", "funding", "net_pnl", "initial_stop", "risked", "r",
            "opened_at", "closed_at", "duration_seconds", "reason",
        )  # fmt: skip

    @extend_schema_field(OpenApiTypes.DECIMAL)
    def get_entry_price(self, row: RoundTrip) -> str | None:
        return _per_unit(row.entry_value, row.entered)

    @extend_schema_field(OpenApiTypes.DECIMAL)
    def get_exit_price(self, row: RoundTrip) -> str | None:
        return _per_unit(row.exit_value, row.left)

    @extend_schema_field(OpenApiTypes.DECIMAL)
    def get_net_pnl(self, row: RoundTrip) -> str | None:
        return plain(trips.net(row))

    @extend_schema_field(OpenApiTypes.DECIMAL)
    def get_r(self, row: RoundTrip) -> str | None:
        return plain(trips.r_multiple(row)) if row.closed_at else None

    @extend_schema_field(OpenApiTypes.INT)
    def get_duration_seconds(self, row: RoundTrip) -> int | None:
        return int((row.closed_at - row.opened_at).total_seconds()) if row.closed_at else None


def _per_unit(value: Decimal, quantity: Decimal) -> str | None:
    return plain(trips.price(value, quantity))


class TradeFilter(filters.FilterSet):
    """`open` = those that are not closed yet."""

    open = filters.BooleanFilter("closed_at", "isnull")
    side = filters.ChoiceFilter(choices=Position.Side.choices)
    symbol = filters.CharFilter()
    strategy = filters.CharFilter("strategy__slug")
    account = filters.CharFilter("account__slug")
    variant = filters.CharFilter()
    reason = filters.CharFilter()
    since = filters.IsoDateTimeFilter("closed_at", "gte")
    until = filters.IsoDateTimeFilter("closed_at", "lt")

    class Meta:
        model = RoundTrip
        fields: list[Any] = []


class TradeViewSet(ReadOnlyViewSet):
    """Round trips, newest first, with what they brought, why they ended, and what was risked."""

    serializer_class = TradeSerializer
    queryset = RoundTrip.objects.all()
    filterset_class = TradeFilter
    lookup_value_regex = NUMBER

    def visible(self, user: Any) -> QuerySet[RoundTrip]:
        return visibility.trades(scope(user)).select_related("strategy", "account", "opened_by")
