from __future__ import annotations

from typing import Any

from rest_framework import serializers

from signals.models import BridgeReport, Decision, Fill, Order, OrderStep, Position, Signal, Strategy
from tradeops.core.drf import ExactDecimal, Moment


class Slug(serializers.SlugRelatedField):
    """Configuration is named by its slug everywhere outside."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="slug", read_only=True, **kwargs)


class PublicId(serializers.SlugRelatedField):
    """The signal's id as the world knows it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="public_id", read_only=True, **kwargs)


class SignalSerializer(serializers.ModelSerializer[Signal]):
    id = serializers.CharField(source="public_id", read_only=True)
    source = Slug()  # type: ignore[assignment]  # a field here, not the field's own option
    strategies = serializers.ListField(source="routes", child=serializers.CharField(), read_only=True)
    received_at = Moment(read_only=True)
    sent_at = Moment(read_only=True)
    decided_at = Moment(read_only=True)

    class Meta:
        model = Signal
        fields = (
            "id", "status", "relay", "source", "strategies", "symbol", "action", "received_at", "sent_at",
            "decided_at", "request_id", "repeats", "note", "data",
        )  # fmt: skip


class SignalDetailSerializer(SignalSerializer):
    class Meta(SignalSerializer.Meta):
        fields = (*SignalSerializer.Meta.fields, "raw")  # type: ignore[assignment]


class RuleSerializer(serializers.Serializer[Any]):
    rule = serializers.CharField()
    verdict = serializers.ChoiceField(choices=["PASS", "FAIL", "ERROR"])
    value = serializers.JSONField(allow_null=True)
    limit = serializers.JSONField(allow_null=True)


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    signal = PublicId()
    strategy = Slug()
    account = Slug()
    endpoint = Slug()
    rules = RuleSerializer(many=True, read_only=True)
    decided_at = Moment(read_only=True)

    class Meta:
        model = Decision
        fields = (
            "id", "signal", "strategy", "account", "endpoint", "engine", "outcome", "intent", "mode", "reason",
            "rules", "enrichment", "decided_at",
        )  # fmt: skip


class OrderStepSerializer(serializers.ModelSerializer[OrderStep]):
    at = Moment(read_only=True)

    class Meta:
        model = OrderStep
        fields = ("step", "at", "detail")


class OrderSerializer(serializers.ModelSerializer[Order]):
    signal = PublicId()
    strategy = Slug()
    account = Slug()
    quantity = ExactDecimal(read_only=True)
    sent_quantity = ExactDecimal(read_only=True)
    price = ExactDecimal(read_only=True)
    filled_quantity = ExactDecimal(read_only=True)
    average_price = ExactDecimal(read_only=True)
    created_at = Moment(read_only=True)
    sent_at = Moment(read_only=True)
    finished_at = Moment(read_only=True)
    expires_at = Moment(read_only=True)
    steps = OrderStepSerializer(many=True, read_only=True)

    class Meta:
        model = Order
        fields = (
            "id", "client_order_id", "venue_order_id", "origin", "signal", "strategy", "account", "mode", "symbol",
            "side", "position_side", "type", "intent", "status", "quantity", "sent_quantity", "price",
            "filled_quantity", "average_price", "code", "message", "request_id", "created_at", "sent_at",
            "finished_at", "expires_at", "steps",
        )  # fmt: skip


class FillSerializer(serializers.ModelSerializer[Fill]):
    order = serializers.CharField(source="order.client_order_id", read_only=True)
    account = Slug()
    strategy = serializers.SlugField(source="order.strategy.slug", read_only=True)
    quantity = ExactDecimal(read_only=True)
    price = ExactDecimal(read_only=True)
    fee = ExactDecimal(read_only=True)
    at = Moment(read_only=True)

    class Meta:
        model = Fill
        fields = (
            "id", "order", "strategy", "account", "trade_id", "symbol", "side", "quantity", "price", "fee",
            "fee_currency", "at",
        )  # fmt: skip


class ExecutionSerializer(serializers.ModelSerializer[BridgeReport]):
    """A bridge's report. `result`: `applied` to an order of ours, `unchanged`, or `kept` of a relayed signal."""

    endpoint = Slug()
    signal = PublicId()
    order = serializers.SlugRelatedField[Order](slug_field="client_order_id", read_only=True)
    quantity = ExactDecimal(read_only=True)
    filled_quantity = ExactDecimal(read_only=True)
    price = ExactDecimal(read_only=True)
    reported_at = Moment(read_only=True)
    received_at = Moment(read_only=True)

    class Meta:
        model = BridgeReport
        fields = (
            "id", "report_id", "endpoint", "signal", "order", "status", "symbol", "side", "quantity",
            "filled_quantity", "price", "fills", "code", "message", "result", "reported_at", "received_at",
            "request_id",
        )  # fmt: skip


class PositionSerializer(serializers.ModelSerializer[Position]):
    strategy = Slug()
    account = Slug()
    quantity = ExactDecimal(read_only=True)
    average_price = ExactDecimal(read_only=True)
    realised_pnl = ExactDecimal(read_only=True)
    fees = ExactDecimal(read_only=True)
    mark_price = ExactDecimal(read_only=True)
    marked_at = Moment(read_only=True)
    opened_at = Moment(read_only=True)
    updated_at = Moment(read_only=True)

    class Meta:
        model = Position
        fields = (
            "id", "strategy", "account", "symbol", "side", "quantity", "average_price", "entries", "realised_pnl",
            "fees", "mark_price", "marked_at", "is_open", "opened_at", "updated_at",
        )  # fmt: skip


class StrategySerializer(serializers.ModelSerializer[Strategy]):
    """`accounts`, `endpoints` and `endpoint_groups` are what the person may see: the view prefetches no more."""

    id = serializers.SlugField(source="slug", read_only=True)
    sources = Slug(many=True)
    accounts = Slug(many=True)
    endpoints = Slug(many=True)
    endpoint_groups = Slug(many=True)
    sizing_value = ExactDecimal(read_only=True)
    created_at = Moment(read_only=True)
    retired_at = Moment(read_only=True)

    class Meta:
        model = Strategy
        fields = (
            "id", "slug", "mode", "engine", "sources", "accounts", "endpoints", "endpoint_groups", "symbols",
            "sizing_mode", "sizing_value", "exits", "max_age_seconds", "exit_max_age_seconds", "max_price_age_seconds",
            "pyramiding", "opposite", "prices", "heal", "expect_every", "alert_expires_on", "created_at", "retired_at",
        )  # fmt: skip
