"""Signals, and all that came of them, to read (E1)."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import AccountGroup
from accounts.selectors import scope, visible_accounts
from relay import visibility as relay_visibility
from signals import trace, visibility
from signals.models import BridgeReport, Decision, ExitPlan, Fill, Order, Position, Signal, Source, Strategy
from tradeops.core.api import ReadOnlyViewSet

from . import filters, serializers
from .trace_schema import TraceSerializer

NUMBER = r"\d{1,18}"


class SignalViewSet(ReadOnlyViewSet):
    """Accepted alerts, newest first. `trace` gives the whole life of one."""

    serializer_class = serializers.SignalSerializer
    queryset = Signal.objects.all()
    lookup_field = "public_id"
    filterset_class = filters.SignalFilter
    ordering_fields = ["received_at"]

    def visible(self, user: Any) -> QuerySet[Signal]:
        return visibility.signals(scope(user)).select_related("source").defer("source__secret")

    def get_serializer_class(self) -> Any:
        return serializers.SignalDetailSerializer if self.action == "retrieve" else self.serializer_class

    @extend_schema(responses=TraceSerializer, filters=False)
    @action(detail=True, filter_backends=[], pagination_class=None)
    def trace(self, request: Request, public_id: str) -> Response:
        """From receipt to fills, deliveries and notifications, each with its time."""
        found = trace.of(public_id, accounts=scope(request.user))
        if found is None:
            raise NotFound("There is no such signal.")
        return Response(found)


class DecisionViewSet(ReadOnlyViewSet):
    """What was decided for each signal, strategy and account or endpoint, with every rule's verdict."""

    serializer_class = serializers.DecisionSerializer
    queryset = Decision.objects.all()
    filterset_class = filters.DecisionFilter
    ordering_fields = ["decided_at"]
    lookup_value_regex = NUMBER

    def visible(self, user: Any) -> QuerySet[Decision]:
        return (
            visibility.decisions(scope(user))
            .select_related("signal", "strategy", "account", "endpoint")
            .defer("endpoint__secret")
        )


class OrderViewSet(ReadOnlyViewSet):
    """Orders with their steps, by client order id."""

    serializer_class = serializers.OrderSerializer
    queryset = Order.objects.all()
    lookup_field = "client_order_id"
    filterset_class = filters.OrderFilter
    ordering_fields = ["created_at"]

    def visible(self, user: Any) -> QuerySet[Order]:
        return visibility.orders(scope(user)).select_related("signal", "strategy", "account").prefetch_related("steps")


class FillViewSet(ReadOnlyViewSet):
    """Trades at the venue."""

    serializer_class = serializers.FillSerializer
    queryset = Fill.objects.all()
    filterset_class = filters.FillFilter
    ordering_fields = ["at"]
    lookup_value_regex = NUMBER

    def visible(self, user: Any) -> QuerySet[Fill]:
        return visibility.fills(scope(user)).select_related("account", "order__strategy")


class ExecutionViewSet(ReadOnlyViewSet):
    """What bridges reported of orders and signals that were delivered to them."""

    serializer_class = serializers.ExecutionSerializer
    queryset = BridgeReport.objects.all()
    filterset_class = filters.ExecutionFilter
    ordering_fields = ["received_at"]
    lookup_value_regex = NUMBER

    def visible(self, user: Any) -> QuerySet[BridgeReport]:
        found = visibility.reports(scope(user)).select_related("endpoint", "signal", "order")
        return found.defer("endpoint__secret", "endpoint__report_secret")


class PositionViewSet(ReadOnlyViewSet):
    """What each strategy holds on each account; flat ones stay, with their profit and fees."""

    serializer_class = serializers.PositionSerializer
    queryset = Position.objects.all()
    filterset_class = filters.PositionFilter
    lookup_value_regex = NUMBER

    def visible(self, user: Any) -> QuerySet[Position]:
        live = Prefetch("exit_plans", ExitPlan.objects.exclude(state=ExitPlan.State.CLOSED))
        return visibility.positions(scope(user)).select_related("strategy", "account").prefetch_related(live)


class StrategyViewSet(ReadOnlyViewSet):
    """What alerts mean, by slug."""

    serializer_class = serializers.StrategySerializer
    queryset = Strategy.objects.all()
    lookup_field = "slug"
    filterset_class = filters.StrategyFilter

    def visible(self, user: Any) -> QuerySet[Strategy]:
        # A strategy may also trade for somebody else's accounts: those are not shown.
        grouped = AccountGroup.objects.filter(retired_at=None)
        return visibility.strategies(scope(user)).prefetch_related(
            Prefetch("sources", Source.objects.defer("secret")),
            Prefetch("accounts", visible_accounts(user)),
            Prefetch("groups", grouped.prefetch_related(Prefetch("accounts", visible_accounts(user)))),
            Prefetch("endpoints", relay_visibility.endpoints(scope(user)).defer("secret", "report_secret")),
            Prefetch("endpoint_groups", relay_visibility.groups(scope(user))),
        )
