from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet

from accounts.selectors import scope
from relay import visibility
from relay.models import Delivery, Endpoint
from tradeops.core.api import ReadOnlyViewSet

from .serializers import DeliverySerializer, EndpointSerializer


class EndpointViewSet(ReadOnlyViewSet):
    """Receivers of relayed signals, by slug; never their secret."""

    serializer_class = EndpointSerializer
    queryset = Endpoint.objects.all()
    lookup_field = "slug"
    filterset_fields = ["active"]

    def visible(self, user: Any) -> QuerySet[Endpoint]:
        return visibility.endpoints(scope(user)).defer("secret")


class DeliveryFilter(django_filters.FilterSet):
    status = django_filters.MultipleChoiceFilter(choices=Delivery.Status.choices)
    endpoint = django_filters.CharFilter("endpoint__slug")
    strategy = django_filters.CharFilter("message__strategy")
    symbol = django_filters.CharFilter("message__symbol")
    signal = django_filters.CharFilter("message__signal")
    since = django_filters.IsoDateTimeFilter("created_at", "gte")
    until = django_filters.IsoDateTimeFilter("created_at", "lt")


class DeliveryViewSet(ReadOnlyViewSet):
    """One message for one endpoint, with every attempt."""

    serializer_class = DeliverySerializer
    queryset = Delivery.objects.all()
    filterset_class = DeliveryFilter
    lookup_value_regex = r"\d{1,18}"

    def visible(self, user: Any) -> QuerySet[Delivery]:
        return (
            visibility.deliveries(scope(user))
            .select_related("message", "endpoint")
            .defer("endpoint__secret")
            .prefetch_related("attempts")
        )
