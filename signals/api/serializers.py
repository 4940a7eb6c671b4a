from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Account
from signals.models import BridgeReport, Decision, ExitPlan, Fill, Order, OrderStep, Position, Signal, Strategy
from signals.portfolio import positions
from tradeops.core.drf import ExactDecimal, Moment
from tradeops.core.money import plain


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


class ViewSerializer(serializers.Serializer[Any]):
    """What one agent of an engine said, and how much it counted."""

    agent = serializers.CharField()
    view = serializers.CharField()
    confidence = serializers.CharField(allow_null=True)
    weight = serializers.CharField()
    reason = serializers.CharField()


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    signal = PublicId()
    strategy = Slug()
    account = Slug()
    endpoint = Slug()
    rules = RuleSerializer(many=True, read_only=True)
    views = ViewSerializer(many=True, read_only=True)
    confidence = ExactDecimal(read_only=True)
    decided_at = Moment(read_only=True)

    class Meta:
        model = Decision
        fields = (
            "id", "signal", "strategy", "account", "endpoint", "engine", "variant", "shadow", "confidence", "views",
            "outcome", "intent", "mode", "reason", "rules", "enrichment", "decided_at",
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


class TargetSerializer(serializers.Serializer[Any]):
    at = serializers.CharField()
    share = serializers.CharField()
    done = serializers.BooleanField()


class ExitsSerializer(serializers.ModelSerializer[ExitPlan]):
    """How the position is to be left. `state` is ACTIVE or UNPROTECTED; `stop_order` rests at the venue."""

    stop_price = ExactDecimal(read_only=True)
    stop_order = serializers.CharField(source="stop_order_id", read_only=True)
    targets = TargetSerializer(many=True, read_only=True)
    closes_at = Moment(read_only=True)

    class Meta:
        model = ExitPlan
        fields = ("state", "stop_price", "stop_order", "targets", "closes_at", "closes_because", "problem")


class PositionSerializer(serializers.ModelSerializer[Position]):
    strategy = Slug()
    account = Slug()
    quantity = ExactDecimal(read_only=True)
    average_price = ExactDecimal(read_only=True)
    realised_pnl = ExactDecimal(read_only=True)
    fees = ExactDecimal(read_only=True)
    funding = ExactDecimal(read_only=True)
    mark_price = ExactDecimal(read_only=True)
    unrealised_pnl = serializers.SerializerMethodField()
    exits = serializers.SerializerMethodField()
    marked_at = Moment(read_only=True)
    opened_at = Moment(read_only=True)
    updated_at = Moment(read_only=True)

    class Meta:
        model = Position
        fields = (
            "id", "strategy", "account", "symbol", "side", "quantity", "average_price", "variant", "entries",
            "realised_pnl", "fees", "funding", "mark_price", "marked_at", "unrealised_pnl", "is_open", "exits",
            "opened_at", "updated_at",
        )  # fmt: skip

    @extend_schema_field(OpenApiTypes.DECIMAL)
    def get_unrealised_pnl(self, row: Position) -> str | None:
        return plain(positions.unrealised(row))

    @extend_schema_field(ExitsSerializer(allow_null=True))
    def get_exits(self, row: Position) -> Any:
        """Null without any; views prefetch them."""
        found = [plan for plan in row.exit_plans.all() if plan.state != ExitPlan.State.CLOSED] if row.is_open else []
        return ExitsSerializer(found[0]).data if found else None


class TradedAccounts(serializers.ManyRelatedField):
    """A strategy's own accounts and those of its groups, each once, by slug."""

    def get_attribute(self, instance: Any) -> list[Account]:
        grouped = (account for group in instance.groups.all() for account in group.accounts.all())
        return sorted({*instance.accounts.all(), *grouped}, key=lambda account: account.slug)


class StrategySerializer(serializers.ModelSerializer[Strategy]):
    """`accounts`, `endpoints` and `endpoint_groups` are what the person may see: the view prefetches no more."""

    id = serializers.SlugField(source="slug", read_only=True)
    sources = Slug(many=True)
    accounts = TradedAccounts(child_relation=Slug())
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
