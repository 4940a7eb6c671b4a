from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import Account, AccountBalance, AccountPosition, Credential
from tradeops.core.drf import ExactDecimal, Moment


class BalanceSerializer(serializers.ModelSerializer[AccountBalance]):
    total = ExactDecimal(read_only=True)
    free = ExactDecimal(read_only=True)

    class Meta:
        model = AccountBalance
        fields = ("currency", "total", "free")


class VenuePositionSerializer(serializers.ModelSerializer[AccountPosition]):
    """What the venue holds for the account, in base units; our own positions are at `positions`."""

    quantity = ExactDecimal(read_only=True)
    average_price = ExactDecimal(read_only=True, allow_null=True)
    mark_price = ExactDecimal(read_only=True, allow_null=True)
    unrealised_pnl = ExactDecimal(read_only=True, allow_null=True)
    liquidation_price = ExactDecimal(read_only=True, allow_null=True)
    leverage = ExactDecimal(read_only=True, allow_null=True)

    class Meta:
        model = AccountPosition
        fields = (
            "symbol", "side", "quantity", "average_price", "mark_price", "unrealised_pnl", "liquidation_price",
            "leverage", "margin_mode",
        )  # fmt: skip


class PermissionsSerializer(serializers.Serializer[Any]):
    """null is what the venue does not tell."""

    read = serializers.BooleanField(allow_null=True, default=None)
    trade = serializers.BooleanField(allow_null=True, default=None)
    withdraw = serializers.BooleanField(allow_null=True, default=None)
    ip_bound = serializers.BooleanField(allow_null=True, default=None)


class ConnectionSerializer(serializers.ModelSerializer[Credential]):
    """What is known of the account's key; never the key."""

    set_at = Moment(read_only=True)
    tested_at = Moment(read_only=True, allow_null=True)
    checked_at = Moment(read_only=True, allow_null=True)
    permissions = PermissionsSerializer(source="facts", read_only=True)

    class Meta:
        model = Credential
        fields = ("set_at", "tested_at", "test_result", "checked_at", "problem", "permissions")


class AccountSerializer(serializers.ModelSerializer[Account]):
    id = serializers.SlugField(source="slug", read_only=True)
    client = serializers.SlugRelatedField(slug_field="slug", read_only=True)  # type: ignore[var-annotated]
    fee_bps = ExactDecimal(read_only=True)
    leverage = ExactDecimal(read_only=True, allow_null=True)
    margin_mode = serializers.CharField(read_only=True)
    external_trades = serializers.CharField(read_only=True)
    frozen_at = Moment(read_only=True, allow_null=True)
    created_at = Moment(read_only=True)
    retired_at = Moment(read_only=True)
    connection = ConnectionSerializer(source="credential", read_only=True, allow_null=True)
    equity = ExactDecimal(source="sync.equity", read_only=True, allow_null=True)
    synced_at = Moment(source="sync.synced_at", read_only=True, allow_null=True)
    sync_problem = serializers.CharField(source="sync.problem", read_only=True, allow_null=True)
    balances = BalanceSerializer(many=True, read_only=True)
    venue_positions = VenuePositionSerializer(many=True, read_only=True)

    class Meta:
        model = Account
        fields = (
            "id", "slug", "client", "broker", "market", "sandbox", "currency", "fee_bps", "leverage", "margin_mode",
            "external_trades", "dry_run", "active", "frozen_reason", "frozen_at", "frozen_by", "connection", "equity",
            "synced_at", "sync_problem", "balances", "venue_positions", "created_at", "retired_at",
        )  # fmt: skip
