from __future__ import annotations

from rest_framework import serializers

from accounts.models import Account
from tradeops.core.drf import ExactDecimal, Moment


class AccountSerializer(serializers.ModelSerializer[Account]):
    id = serializers.SlugField(source="slug", read_only=True)
    client = serializers.SlugRelatedField(slug_field="slug", read_only=True)  # type: ignore[var-annotated]
    fee_bps = ExactDecimal(read_only=True)
    created_at = Moment(read_only=True)
    retired_at = Moment(read_only=True)

    class Meta:
        model = Account
        fields = (
            "id", "slug", "client", "broker", "market", "sandbox", "currency", "fee_bps", "dry_run", "active",
            "frozen_reason", "created_at", "retired_at",
        )  # fmt: skip
