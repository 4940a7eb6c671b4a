from __future__ import annotations

from rest_framework import serializers

from relay.health.selectors import Standing
from relay.models import Attempt, Delivery, Endpoint, EndpointGroup, EndpointState, GroupMember
from tradeops.core.drf import ExactDecimal, Moment


class HealthSerializer(serializers.Serializer[Standing]):
    """What the checks of `/health` found; uptimes in per cent, null before the first check that could tell."""

    state = serializers.ChoiceField(source="health", choices=["healthy", "unhealthy", "unknown", "off"])
    checked_at = Moment(allow_null=True)
    latency_ms = serializers.IntegerField(allow_null=True)
    average_ms = serializers.IntegerField(allow_null=True, help_text="Over the good checks of the last 24 hours.")
    error = serializers.CharField()
    uptime_24h = ExactDecimal(allow_null=True)
    uptime_30d = ExactDecimal(allow_null=True)


class BreakerSerializer(serializers.Serializer[Standing]):
    """OPEN: no message goes until `probe_at`; HALF_OPEN: one goes, and decides."""

    state = serializers.ChoiceField(source="breaker", choices=EndpointState.Breaker.choices)
    since = Moment(source="breaker_since", allow_null=True)
    failures = serializers.IntegerField(help_text="In a row.")
    probe_at = Moment(allow_null=True)


class MembershipSerializer(serializers.ModelSerializer[GroupMember]):
    group = serializers.SlugField(source="group.slug", read_only=True)
    mode = serializers.ChoiceField(source="group.mode", choices=EndpointGroup.Mode.choices, read_only=True)
    leads = serializers.SerializerMethodField(help_text="Null where all members get each message.")

    class Meta:
        model = GroupMember
        fields = ("group", "mode", "position", "leads")

    def get_leads(self, row: GroupMember) -> bool | None:
        if row.group.mode != EndpointGroup.Mode.FAILOVER:
            return None
        return bool(row.leader == row.endpoint_id)  # type: ignore[attr-defined]  # groups.with_leader


class EndpointSerializer(serializers.ModelSerializer[Endpoint]):
    """Without secrets and headers. The view puts a `standing` on each row."""

    id = serializers.SlugField(source="slug", read_only=True)
    created_at = Moment(read_only=True)
    retired_at = Moment(read_only=True)
    health = HealthSerializer(source="standing", read_only=True)
    breaker = BreakerSerializer(source="standing", read_only=True)
    groups = MembershipSerializer(source="memberships", many=True, read_only=True)

    class Meta:
        model = Endpoint
        fields = (
            "id", "slug", "url", "active", "timeout_seconds", "tags", "symbols", "receives", "accepts_dry_run",
            "disabled_reason", "created_at", "retired_at", "health", "breaker", "groups",
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
