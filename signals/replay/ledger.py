"""What came of signals, as the rows say: read in the same way from this installation and from the replay's database.

    {"decisions": [{"signal", "account", "at", "outcome", "intent", "engine", "mode", "reason", "rule", "abstained",
                    "orders": [{"id", "side", "intent", "type", "quantity", "price", "status", "filled",
                                "average_price", "message"}]}],
     "exits": [order with "account", "symbol", "reason"],
     "trips": [{"account", "symbol", "side", "signal", "opened_at", "closed_at", "entered", "left", "currency",
                "realised_pnl", "fees", "funding", "net", "reason"}],
     "counts": {account: {"orders", "fills"}}}

`rule` is what decided against it: `{"rule", "verdict", "value", "limit"}`, null where nothing did. Amounts are text, in
the symbol's quote currency; times ISO 8601. Exits are the orders that no signal asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet

from signals.engines.agents.base import ABSTAIN
from signals.models import Decision, Fill, Order, RoundTrip
from signals.portfolio import pnl, trips
from signals.risk.base import PASS
from tradeops.core import clock, money

from .asked import Asked


def read(asked: Asked, accounts: Iterable[str]) -> dict[str, Any]:
    slugs = sorted(accounts)
    by_signal, exits = _orders(asked, slugs)
    return {
        "decisions": [_decision(row, by_signal) for row in _decided(asked, slugs)],
        "exits": exits,
        "trips": [_trip(row) for row in _trips(asked, slugs)],
        "counts": _counts(asked, slugs),
    }


def _decided(asked: Asked, slugs: list[str]) -> QuerySet[Decision]:
    found = Decision.objects.filter(
        strategy=asked.strategy, account__slug__in=slugs, shadow=False,
        signal__received_at__gte=asked.since, signal__received_at__lt=asked.until,
    )  # fmt: skip
    return found.select_related("signal", "account").order_by(
        "signal__received_at", "signal__public_id", "account__slug"
    )


def _decision(row: Decision, orders: Mapping[tuple[str, str], list[dict[str, Any]]]) -> dict[str, Any]:
    assert row.account is not None
    key = (row.signal.public_id, row.account.slug)
    return {
        "signal": row.signal.public_id,
        "account": row.account.slug,
        "at": clock.iso_ms(row.decided_at),
        "outcome": row.outcome,
        "intent": row.intent,
        "engine": row.engine,
        "mode": row.mode,
        "reason": row.reason,
        "rule": next((rule for rule in row.rules if rule["verdict"] != PASS), None),
        "abstained": sorted(view["agent"] for view in row.views if view["view"] == ABSTAIN),
        "orders": orders.get(key, []),
    }


def _ordered(asked: Asked, slugs: list[str]) -> QuerySet[Order]:
    return Order.objects.filter(strategy=asked.strategy, account__slug__in=slugs).exclude(mode=Order.Mode.DRY_RUN)


def _orders(asked: Asked, slugs: list[str]) -> tuple[dict[tuple[str, str], list[dict[str, Any]]], list[dict[str, Any]]]:
    """Those of signals by signal and account, in the order of their legs; and those that no signal asked for."""
    mine = _ordered(asked, slugs).select_related("signal", "account")
    asked_for: dict[tuple[str, str], list[dict[str, Any]]] = {}
    of_signals = mine.filter(signal__received_at__gte=asked.since, signal__received_at__lt=asked.until)
    for row in of_signals.order_by("leg", "attempt", "id"):
        assert row.signal is not None
        asked_for.setdefault((row.signal.public_id, row.account.slug), []).append(_order(row))
    others = mine.filter(signal=None, created_at__gte=asked.since, created_at__lt=asked.until)
    exits = [
        {"account": row.account.slug, "symbol": row.symbol, "reason": row.origin_id.partition(":")[0], **_order(row)}
        for row in others.order_by("created_at", "id")
    ]
    return asked_for, exits


def _order(row: Order) -> dict[str, Any]:
    return {
        "id": row.client_order_id,
        "side": row.side,
        "intent": row.intent,
        "type": row.type,
        "quantity": money.plain(row.quantity),
        "price": money.plain(row.price),
        "status": row.status,
        "filled": money.plain(row.filled_quantity),
        "average_price": money.plain(row.average_price),
        "message": row.message,
    }


def _trips(asked: Asked, slugs: list[str]) -> QuerySet[RoundTrip]:
    found = RoundTrip.objects.filter(
        strategy=asked.strategy, account__slug__in=slugs, opened_at__gte=asked.since, opened_at__lt=asked.until
    )
    return found.select_related("account", "opened_by").order_by("opened_at", "id")


def _trip(row: RoundTrip) -> dict[str, Any]:
    return {
        "account": row.account.slug,
        "symbol": row.symbol,
        "side": row.side,
        "signal": row.opened_by.public_id if row.opened_by else None,
        "opened_at": clock.iso_ms(row.opened_at),
        "closed_at": clock.iso_ms(row.closed_at),
        "entered": money.plain(row.entered),
        "left": money.plain(row.left),
        "currency": pnl.quote_of(row.symbol) or row.account.currency,
        "realised_pnl": money.plain(row.realised_pnl),
        "fees": money.plain(row.fees),
        "funding": money.plain(row.funding),
        "net": money.plain(trips.net(row)),
        "reason": row.reason,
    }


def _counts(asked: Asked, slugs: list[str]) -> dict[str, dict[str, int]]:
    orders = Counter(
        _ordered(asked, slugs)
        .filter(created_at__gte=asked.since, created_at__lt=asked.until)
        .values_list("account__slug", flat=True)
    )
    fills = Counter(
        Fill.objects.filter(
            order__strategy=asked.strategy, account__slug__in=slugs, at__gte=asked.since, at__lt=asked.until
        ).values_list("account__slug", flat=True)
    )
    return {slug: {"orders": orders[slug], "fills": fills[slug]} for slug in slugs}
