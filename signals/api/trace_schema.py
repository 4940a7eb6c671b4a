"""The shape of a trace as the OpenAPI page tells it. `signals.trace.of` makes it; tests hold the two together."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from relay.models import Delivery, Notification
from signals.models import BridgeReport, Decision, Order, Signal
from signals.trace import STAGES

from .serializers import OrderStepSerializer, RuleSerializer, ViewSerializer


class Text(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_null": True, **kwargs})


class TraceSignal(serializers.Serializer[Any]):
    id = serializers.CharField()
    status = serializers.ChoiceField(choices=Signal.Status.choices)
    relay = serializers.ChoiceField(choices=Signal.Relay.choices)
    symbol = serializers.CharField()
    action = serializers.CharField()
    source = Text()  # type: ignore[assignment]
    strategies = serializers.ListField(child=serializers.CharField())
    variants = serializers.DictField(child=serializers.CharField())
    received_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    request_id = serializers.CharField()
    repeats = serializers.IntegerField()
    note = serializers.CharField()
    data = serializers.JSONField()  # type: ignore[assignment]  # a field here, not the serializer's property
    raw = serializers.JSONField()


class TraceDecision(serializers.Serializer[Any]):
    strategy = Text()
    account = Text()
    endpoint = Text()
    engine = serializers.CharField()
    variant = serializers.CharField(allow_blank=True)
    shadow = serializers.BooleanField()
    confidence = Text()
    views = ViewSerializer(many=True)
    outcome = serializers.ChoiceField(choices=Decision.Outcome.choices)
    intent = serializers.CharField()
    mode = serializers.CharField()
    reason = serializers.CharField()
    rules = RuleSerializer(many=True)
    enrichment = serializers.JSONField()
    decided_at = serializers.DateTimeField()


class TraceOrder(serializers.Serializer[Any]):
    strategy = serializers.CharField()
    account = serializers.CharField()
    client_order_id = serializers.CharField()
    venue_order_id = serializers.CharField()
    status = serializers.ChoiceField(choices=Order.Status.choices)
    symbol = serializers.CharField()
    side = serializers.CharField()
    type = serializers.CharField()
    intent = serializers.CharField()
    mode = serializers.CharField()
    quantity = serializers.CharField()
    sent_quantity = Text()
    filled_quantity = serializers.CharField()
    average_price = Text()
    code = serializers.CharField(help_text="Our word for why it ended so.")
    venue_code = serializers.CharField(help_text="The venue's own code.")
    message = serializers.CharField()
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    steps = OrderStepSerializer(many=True)


class TraceFill(serializers.Serializer[Any]):
    account = serializers.CharField()
    client_order_id = serializers.CharField()
    trade_id = serializers.CharField()
    symbol = serializers.CharField()
    side = serializers.CharField()
    quantity = serializers.CharField()
    price = serializers.CharField()
    fee = serializers.CharField()
    fee_currency = serializers.CharField()
    at = serializers.DateTimeField()


class TracePosition(serializers.Serializer[Any]):
    strategy = serializers.CharField()
    account = serializers.CharField()
    symbol = serializers.CharField()
    side = serializers.CharField()
    quantity = serializers.CharField()
    average_price = Text()
    realised_pnl = serializers.CharField()
    fees = serializers.CharField()
    is_open = serializers.BooleanField()
    updated_at = serializers.DateTimeField()


class TraceAttempt(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    status_code = serializers.IntegerField(allow_null=True)
    ms = serializers.IntegerField()
    error = serializers.CharField()
    answer = serializers.CharField()


class TraceDelivery(serializers.Serializer[Any]):
    endpoint = serializers.CharField()
    status = serializers.ChoiceField(choices=Delivery.Status.choices)
    type = serializers.CharField()
    replay = serializers.BooleanField()
    dry_run = serializers.BooleanField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)
    attempts = TraceAttempt(many=True)


class TraceNotification(serializers.Serializer[Any]):
    channel = serializers.CharField()
    event = serializers.CharField()
    level = serializers.CharField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=Notification.Status.choices)
    tries = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField()


class TraceReportedFill(serializers.Serializer[Any]):
    trade_id = serializers.CharField()
    quantity = serializers.CharField()
    price = serializers.CharField()
    fee = serializers.CharField()
    fee_currency = serializers.CharField()


class TraceExecution(serializers.Serializer[Any]):
    endpoint = serializers.CharField()
    report_id = serializers.CharField()
    client_order_id = Text(help_text="Of an order of ours, which took the report over; null for a relayed signal.")
    status = serializers.ChoiceField(choices=BridgeReport.Status.choices)
    symbol = serializers.CharField()
    side = serializers.CharField()
    quantity = Text()
    filled_quantity = Text()
    price = Text()
    fills = TraceReportedFill(many=True)
    code = serializers.CharField()
    message = serializers.CharField()
    result = serializers.ChoiceField(choices=BridgeReport.Result.choices)
    reported_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()


class TraceMoment(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    ms = serializers.IntegerField(help_text="Since receipt.")
    stage = serializers.ChoiceField(choices=STAGES)
    detail = serializers.CharField()


class TraceSerializer(serializers.Serializer[Any]):
    signal = TraceSignal()
    decisions = TraceDecision(many=True)
    orders = TraceOrder(many=True)
    fills = TraceFill(many=True)
    positions = TracePosition(many=True)
    deliveries = TraceDelivery(many=True)
    notifications = TraceNotification(many=True)
    executions = TraceExecution(many=True)
    timeline = TraceMoment(many=True)
