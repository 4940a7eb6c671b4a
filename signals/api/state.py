"""One account as it stands: what a program needs to keep a copy of it (E10)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.brokers import registry
from accounts.models import Account
from accounts.selectors import scope, visible_accounts
from signals import visibility
from signals.models import Fill
from tradeops.core import clock
from tradeops.core.api import Schema
from tradeops.core.drf import ExactDecimal, Moment
from tradeops.core.errors import ConfigurationError, InvalidPayload, TradeOpsError
from tradeops.core.settled import Settled

from .serializers import FillSerializer, OrderSerializer, PositionSerializer

MOST_FILLS = 500
UNFINISHED = ("PENDING", "SUBMITTED", "OPEN", "PARTIALLY_FILLED", "UNKNOWN")

settled_fills = Settled(Fill)


class FillsGone(TradeOpsError):
    """The caller's place among the fills has never been reached here: it may have missed some."""

    code = "fills_gone"
    http_status = 410


class HeldSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    total = ExactDecimal()
    free = ExactDecimal()


class AtVenueSerializer(serializers.Serializer[Any]):
    """What the venue itself holds for the account, contracts only; in base units."""

    symbol = serializers.CharField()
    side = serializers.CharField()
    quantity = ExactDecimal()
    average_price = ExactDecimal(allow_null=True)
    mark_price = ExactDecimal(allow_null=True)
    unrealised_pnl = ExactDecimal(allow_null=True)


class StateSerializer(serializers.Serializer[Any]):
    """`balances` and `venue_positions` are a paper account's own books; a venue's were read at `read_at`."""

    account = serializers.SlugField()
    broker = serializers.CharField()
    currency = serializers.CharField()
    at = Moment()
    read_at = Moment(allow_null=True)
    balances = HeldSerializer(many=True)
    venue_positions = AtVenueSerializer(many=True)
    positions = PositionSerializer(many=True, help_text="Those that are open, of each strategy.")
    open_orders = OrderSerializer(many=True, help_text="Those that have not ended, oldest first.")
    fills = FillSerializer(many=True, help_text="After `fills_after`, oldest first; none without it.")
    fills_cursor = serializers.IntegerField(allow_null=True, help_text="The next `fills_after`; null: ask again.")
    more_fills = serializers.BooleanField(help_text="There are more than fit in here.")


class AccountState(APIView):
    """An account's balances, open positions, open orders and new fills, all of one moment."""

    schema = Schema()

    @extend_schema(
        operation_id="accounts_state",
        responses={200: StateSerializer, 410: OpenApiResponse(description="There was no such fill yet.")},
        parameters=[
            OpenApiParameter(
                "fills_after", OpenApiTypes.INT64, description="The last answer's `fills_cursor`; 0 is from the first."
            )
        ],
    )
    def get(self, request: Request, slug: str) -> Response:
        after = _number(request.query_params.get("fills_after"))
        account = get_object_or_404(visible_accounts(request.user).select_related("sync"), slug=slug)
        upto = settled_fills.upto()
        if after is not None and upto is not None and after > upto and after > settled_fills.last_drawn():
            raise FillsGone(f"There was no fill {after} yet: the portal's data may have been restored from a backup.")
        with _one_moment():
            state = _state(account, scope(request.user), after=after, upto=upto)
            return Response(StateSerializer(state).data)


def _state(account: Account, accounts: Any, *, after: int | None, upto: int | None) -> dict[str, Any]:
    balances, at_venue, read_at = _books(account)
    fills = visibility.fills(accounts).filter(account=account).select_related("account", "order__strategy")
    new: list[Fill] = []
    if after is not None and upto is not None:
        new = list(fills.filter(pk__gt=after, pk__lte=upto).order_by("pk")[: MOST_FILLS + 1])
    more, new = len(new) > MOST_FILLS, new[:MOST_FILLS]
    cursor = new[-1].pk if more else after if upto is None else max(upto, after or 0)  # it may lag behind another's
    orders = visibility.orders(accounts).filter(account=account, status__in=UNFINISHED)
    positions = visibility.positions(accounts).filter(account=account, is_open=True)
    return {
        "account": account.slug, "broker": account.broker, "currency": account.currency, "at": clock.now(),
        "read_at": read_at, "balances": balances, "venue_positions": at_venue,
        "positions": positions.select_related("strategy", "account").order_by("pk"),
        "open_orders": orders.select_related("signal", "strategy", "account").prefetch_related("steps").order_by("pk"),
        "fills": new, "fills_cursor": cursor, "more_fills": more,
    }  # fmt: skip


def _books(account: Account) -> tuple[Any, Any, Any]:
    """Balances, the venue's positions, and when they were read where they are another's."""
    if not _local(account):
        sync = getattr(account, "sync", None)
        return account.balances.order_by("currency"), account.venue_positions.order_by("pk"), sync and sync.synced_at
    broker = registry.broker_for(account)
    held = [
        {"currency": currency, "total": one.total, "free": one.free}
        for currency, one in sorted(broker.balances().items())
        if one.total or one.free
    ]
    return held, broker.positions() if broker.capabilities.positions else (), None


def _local(account: Account) -> bool:
    try:
        return registry.capabilities(account.broker).local
    except ConfigurationError:  # a broker that is not installed any more: what was read of it is still there
        return False


@contextmanager
def _one_moment() -> Iterator[None]:
    """All that is read in it was there at the same time. It holds nobody up."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")  # `atomic` would take the write lock
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidPayload("fills_after: a whole number", field="fills_after")
    return int(text)
