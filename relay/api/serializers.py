from __future__ import annotations

from rest_framework import serializers

from relay.models import Attempt, Delivery, Endpoint
from tradeops.core.drf import Moment


class EndpointSerializer(serializers.ModelSerializer[Endpoint]):
    """Without secret and headers."""

    id = serializers.SlugField(source="slug", read_only=True)
    created_at = Moment(read_only=True)
    retired_at = Moment(read_only=True)

    class Meta:
        model = Endpoint
        fields = (
            "id", "slug", "url", "active", "timeout_seconds", "tags", "symbols", "receives", "accepts_dry_run",
            "disabled_reason", "created_at", "retired_at",
        )  # fmt: skip


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    at = Moment(read_only=True)

    class Meta:
        model = Attempt
        fields = ("at", "status_code", "ms", "error", "answer")


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    signal = serializers.CharField(source="message.signal", read_only=True)
    strategy = serializers.CharField(source="message.strategy", read_only=True)
    symbol = serializers.CharField(source="message.symbol", read_only=True)
    endpoint = serializers.SlugRelatedField(slug_field="slug", read_only=True)  # type: ignore[var-annotated]
    replay_of = serializers.PrimaryKeyRelatedField(read_only=True)  # type: ignore[var-annotated]
    created_at = Moment(read_only=True)
    expires_at = Moment(read_only=True)
    delivered_at = Moment(read_only=True)
    attempts = AttemptSerializer(many=True, read_only=True)

    class Meta:
        model = Delivery
        fields = (
            "id", "endpoint", "signal", "strategy", "symbol", "type", "subject", "status", "dry_run", "replay_of",
            "tries", "reason", "created_at", "expires_at", "delivered_at", "attempts",
        )  # fmt: skip
