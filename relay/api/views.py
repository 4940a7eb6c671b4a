from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Prefetch, QuerySet

from accounts.selectors import scope
from relay import visibility
from relay.groups import with_leader
from relay.health.selectors import standings
from relay.models import Delivery, Endpoint, GroupMember
from tradeops.core import clock
from tradeops.core.api import ReadOnlyViewSet

from .serializers import DeliverySerializer, EndpointSerializer


class EndpointViewSet(ReadOnlyViewSet):
    """Receivers of relayed signals, by slug, with their health and circuit breaker; never their secret."""

    serializer_class = EndpointSerializer
    queryset = Endpoint.objects.all()
    lookup_field = "slug"
    filterset_fields = ["active"]

    def visible(self, user: Any) -> QuerySet[Endpoint]:
        groups = visibility.groups(scope(user)).filter(retired_at=None).values("pk")
        members = with_leader(GroupMember.objects.filter(group__in=groups)).select_related("group")
        return (
            visibility.endpoints(scope(user))
            .defer("secret", "report_secret")
            .prefetch_related(Prefetch("groupmember_set", members.order_by("group__slug"), to_attr="memberships"))
        )

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        return page if page is None else self._with_standing(page)

    def get_object(self) -> Endpoint:
        return self._with_standing([super().get_object()])[0]

    @staticmethod
    def _with_standing(rows: list[Any]) -> list[Any]:
        found = standings(rows, now=clock.now())
        for row in rows:
            row.standing = found[row.pk]
        return rows


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
            .defer("endpoint__secret", "endpoint__report_secret")
            .prefetch_related("attempts")
        )
