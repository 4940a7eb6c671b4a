"""Query parameters of the lists: exact words, slugs, and `since` ≤ time < `until` in ISO 8601."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.db.models import Exists, OuterRef, QuerySet

from accounts.selectors import visible_accounts
from signals import visibility
from signals.models import BridgeReport, Decision, Fill, Order, Position, Signal, Strategy, WorkItem


class SignalFilter(filters.FilterSet):
    status = filters.MultipleChoiceFilter(choices=Signal.Status.choices)
    relay = filters.MultipleChoiceFilter(choices=Signal.Relay.choices)
    source = filters.CharFilter("source__slug")
    symbol = filters.CharFilter()
    action = filters.CharFilter()
    request_id = filters.CharFilter()
    strategy = filters.CharFilter(method="of_strategy")
    account = filters.CharFilter(method="of_account")
    since = filters.IsoDateTimeFilter("received_at", "gte")
    until = filters.IsoDateTimeFilter("received_at", "lt")

    def of_strategy(self, queryset: QuerySet[Signal], name: str, value: str) -> QuerySet[Signal]:
        return queryset.filter(Exists(WorkItem.objects.filter(signal=OuterRef("pk"), strategy__slug=value)))

    def of_account(self, queryset: QuerySet[Signal], name: str, value: str) -> QuerySet[Signal]:
        return queryset.filter(Exists(Decision.objects.filter(signal=OuterRef("pk"), account__slug=value)))

    class Meta:
        model = Signal
        fields: list[Any] = []


class DecisionFilter(filters.FilterSet):
    outcome = filters.ChoiceFilter(choices=Decision.Outcome.choices)
    status = filters.ChoiceFilter("outcome", choices=Decision.Outcome.choices)
    signal = filters.CharFilter("signal__public_id")
    source = filters.CharFilter("signal__source__slug")
    symbol = filters.CharFilter("signal__symbol")
    strategy = filters.CharFilter("strategy__slug")
    account = filters.CharFilter("account__slug")
    endpoint = filters.CharFilter("endpoint__slug")
    since = filters.IsoDateTimeFilter("decided_at", "gte")
    until = filters.IsoDateTimeFilter("decided_at", "lt")

    class Meta:
        model = Decision
        fields: list[Any] = []


class OrderFilter(filters.FilterSet):
    status = filters.MultipleChoiceFilter(choices=Order.Status.choices)
    mode = filters.ChoiceFilter(choices=Order.Mode.choices)
    signal = filters.CharFilter("signal__public_id")
    source = filters.CharFilter("signal__source__slug")
    symbol = filters.CharFilter()
    strategy = filters.CharFilter("strategy__slug")
    account = filters.CharFilter("account__slug")
    client_order_id = filters.CharFilter()
    since = filters.IsoDateTimeFilter("created_at", "gte")
    until = filters.IsoDateTimeFilter("created_at", "lt")

    class Meta:
        model = Order
        fields: list[Any] = []


class FillFilter(filters.FilterSet):
    order = filters.CharFilter("order__client_order_id")
    signal = filters.CharFilter("order__signal__public_id")
    symbol = filters.CharFilter()
    strategy = filters.CharFilter("order__strategy__slug")
    account = filters.CharFilter("account__slug")
    since = filters.IsoDateTimeFilter("at", "gte")
    until = filters.IsoDateTimeFilter("at", "lt")

    class Meta:
        model = Fill
        fields: list[Any] = []


class ExecutionFilter(filters.FilterSet):
    status = filters.MultipleChoiceFilter(choices=BridgeReport.Status.choices)
    result = filters.MultipleChoiceFilter(choices=BridgeReport.Result.choices)
    endpoint = filters.CharFilter("endpoint__slug")
    signal = filters.CharFilter("signal__public_id")
    order = filters.CharFilter("order__client_order_id")
    since = filters.IsoDateTimeFilter("received_at", "gte")
    until = filters.IsoDateTimeFilter("received_at", "lt")

    class Meta:
        model = BridgeReport
        fields: list[Any] = []


class PositionFilter(filters.FilterSet):
    open = filters.BooleanFilter("is_open")
    side = filters.ChoiceFilter(choices=Position.Side.choices)
    symbol = filters.CharFilter()
    strategy = filters.CharFilter("strategy__slug")
    account = filters.CharFilter("account__slug")

    class Meta:
        model = Position
        fields: list[Any] = []


class StrategyFilter(filters.FilterSet):
    mode = filters.CharFilter()
    source = filters.CharFilter("sources__slug", distinct=True)
    account = filters.CharFilter(method="of_account")

    def of_account(self, queryset: QuerySet[Strategy], name: str, value: str) -> QuerySet[Strategy]:
        mine = visible_accounts(self.request.user).filter(slug=value)
        return queryset.filter(pk__in=visibility.strategies(mine).values("pk"))
