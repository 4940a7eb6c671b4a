"""The whole life of one signal, read from the ledgers (E1). The API, the admin's signal page and `trace` show this.

`of` gives
    {"signal": {"id", "status", "relay", "symbol", "action", "received_at", "request_id", …},
     "decisions": [{"strategy", "account", "endpoint", "engine", "outcome", "rules": […], …}],
     "orders": [{"account", "client_order_id", "status", …, "steps": [{"step", "at", "detail"}]}],
     "fills": […], "positions": […],
     "deliveries": [{"endpoint", "status", "attempts": [{"at", "status_code", "ms", "error"}], …}],
     "notifications": […], "executions": [{"endpoint", "status", "result", …}],
     "timeline": [{"at", "ms", "stage", "detail"}]}
with slugs for accounts, strategies and endpoints, decimals as text, and times in ISO 8601 UTC with milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import Account
from relay import selectors as relay
from relay.models import Delivery, Notification
from tradeops.core.clock import iso_ms, milliseconds_between
from tradeops.core.money import plain

from . import visibility
from .models import BridgeReport, Decision, Fill, Order, Position, Signal

STAGES = (
    "received", "routed", "decided", "order_created", "order_sent", "filled", "position", "delivered", "notified",
)  # fmt: skip
Moment = tuple[datetime, str, str]  # when, stage, detail


def of(public_id: str, *, accounts: QuerySet[Account] | None = None) -> dict[str, Any] | None:
    """The life of the signal, in about ten queries whatever its length. None: no such signal among `accounts`."""
    signal = (
        visibility.signals(accounts)
        .select_related("source")
        .defer("source__secret")
        .filter(public_id=public_id)
        .first()
    )
    if signal is None:
        return None
    decisions = list(_decisions(signal, accounts))
    orders = list(_orders(signal, accounts))
    fills = [fill for order in orders for fill in order.fills.all()]
    positions = list(_positions(orders))
    deliveries = list(_deliveries(signal, accounts))
    notifications = list(_notifications(signal, accounts))
    reports = list(_reports(signal, orders, deliveries, accounts))
    moments = [
        *_received(signal),
        *_decided(decisions),
        *_ordered(orders, positions),
        *_told(deliveries, notifications),
        *_reported(reports),
    ]
    return {
        "signal": _signal(signal),
        "decisions": [decision_of(decision) for decision in decisions],
        "orders": [_order(order) for order in orders],
        "fills": [_fill(fill) for fill in sorted(fills, key=lambda fill: (fill.at, fill.pk))],
        "positions": [_position(position) for position in positions],
        "deliveries": [_delivery(delivery) for delivery in deliveries],
        "notifications": [_notification(notification) for notification in notifications],
        "executions": [_report(report) for report in reports],
        "timeline": _timeline(moments, start=signal.received_at),
    }


# Reading -----------------------------------------------------------------------------------------------------------


def _decisions(signal: Signal, accounts: QuerySet[Account] | None) -> QuerySet[Decision]:
    return (
        visibility.decisions(accounts)
        .filter(signal=signal)
        .select_related("strategy", "account", "endpoint")
        .defer("endpoint__secret")
        .order_by("pk")
    )


def _orders(signal: Signal, accounts: QuerySet[Account] | None) -> QuerySet[Order]:
    return (
        visibility.orders(accounts)
        .filter(signal=signal)
        .select_related("strategy", "account")
        .prefetch_related("steps", "fills")
        .order_by("pk")
    )


def _positions(orders: Iterable[Order]) -> QuerySet[Position]:
    """The positions as they are now that these orders opened or reduced."""
    touched = Q(pk__in=[])
    for order in orders:
        if order.filled_quantity:
            touched |= Q(
                strategy_id=order.strategy_id,
                account_id=order.account_id,
                symbol=order.symbol,
                side=order.position_side,
            )
    return Position.objects.filter(touched).select_related("strategy", "account").order_by("pk")


def _deliveries(signal: Signal, accounts: QuerySet[Account] | None) -> list[Delivery]:
    found = relay.deliveries_of(signal.public_id)
    if accounts is None:
        return list(found)
    slugs = set(visibility.strategies(accounts).values_list("slug", flat=True))
    return [delivery for delivery in found if delivery.message.strategy in slugs]


def _notifications(signal: Signal, accounts: QuerySet[Account] | None) -> list[Notification]:
    found = relay.notifications_of(signal.public_id)
    if accounts is None:
        return list(found)
    own = set(accounts.values_list("slug", flat=True))
    slugs = set(visibility.strategies(accounts).values_list("slug", flat=True))
    return [n for n in found if (n.message.account in own if n.message.account else n.message.strategy in slugs)]


def _reports(
    signal: Signal, orders: Iterable[Order], deliveries: Iterable[Delivery], accounts: QuerySet[Account] | None
) -> list[BridgeReport]:
    """What bridges reported; to a person who sees a part, of the orders and endpoints that are in it."""
    found = BridgeReport.objects.filter(signal=signal).select_related("endpoint", "order").order_by("pk")
    found = found.defer("endpoint__secret", "endpoint__report_secret")
    if accounts is None:
        return list(found)
    own = {order.pk for order in orders}
    told = {delivery.endpoint_id for delivery in deliveries}
    return [row for row in found if (row.order_id in own if row.order_id else row.endpoint_id in told)]


# Telling -----------------------------------------------------------------------------------------------------------


def _signal(signal: Signal) -> dict[str, Any]:
    return {
        "id": signal.public_id,
        "status": signal.status,
        "relay": signal.relay,
        "symbol": signal.symbol,
        "action": signal.action,
        "source": signal.source.slug if signal.source else None,
        "strategies": signal.routes,
        "variants": signal.variants,
        "received_at": iso_ms(signal.received_at),
        "sent_at": iso_ms(signal.sent_at),
        "decided_at": iso_ms(signal.decided_at),
        "request_id": signal.request_id,
        "repeats": signal.repeats,
        "note": signal.note,
        "data": signal.data,
        "raw": signal.raw,
    }


def decision_of(decision: Decision) -> dict[str, Any]:
    """One decision as the trace has it; its page shows the same."""
    return {
        "strategy": decision.strategy.slug if decision.strategy else None,
        "account": decision.account.slug if decision.account else None,
        "endpoint": decision.endpoint.slug if decision.endpoint else None,
        "engine": decision.engine,
        "variant": decision.variant,
        "shadow": decision.shadow,
        "confidence": plain(decision.confidence),
        "views": decision.views,
        "outcome": decision.outcome,
        "intent": decision.intent,
        "mode": decision.mode,
        "reason": decision.reason,
        "rules": decision.rules,
        "enrichment": decision.enrichment,
        "decided_at": iso_ms(decision.decided_at),
    }


def _order(order: Order) -> dict[str, Any]:
    steps = sorted(order.steps.all(), key=lambda step: step.pk)
    return {
        "strategy": order.strategy.slug,
        "account": order.account.slug,
        "client_order_id": order.client_order_id,
        "venue_order_id": order.venue_order_id,
        "status": order.status,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "intent": order.intent,
        "mode": order.mode,
        "quantity": plain(order.quantity),
        "sent_quantity": plain(order.sent_quantity),
        "filled_quantity": plain(order.filled_quantity),
        "average_price": plain(order.average_price),
        "code": order.code,
        "venue_code": order.venue_code,
        "message": order.message,
        "created_at": iso_ms(order.created_at),
        "sent_at": iso_ms(order.sent_at),
        "finished_at": iso_ms(order.finished_at),
        "steps": [{"step": step.step, "at": iso_ms(step.at), "detail": step.detail} for step in steps],
    }


def _fill(fill: Fill) -> dict[str, Any]:
    return {
        "account": fill.order.account.slug,
        "client_order_id": fill.order.client_order_id,
        "trade_id": fill.trade_id,
        "symbol": fill.symbol,
        "side": fill.side,
        "quantity": plain(fill.quantity),
        "price": plain(fill.price),
        "fee": plain(fill.fee),
        "fee_currency": fill.fee_currency,
        "at": iso_ms(fill.at),
    }


def _position(position: Position) -> dict[str, Any]:
    return {
        "strategy": position.strategy.slug,
        "account": position.account.slug,
        "symbol": position.symbol,
        "side": position.side,
        "quantity": plain(position.quantity),
        "average_price": plain(position.average_price),
        "realised_pnl": plain(position.realised_pnl),
        "fees": plain(position.fees),
        "is_open": position.is_open,
        "updated_at": iso_ms(position.updated_at),
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    attempts = sorted(delivery.attempts.all(), key=lambda attempt: attempt.pk)
    return {
        "endpoint": delivery.endpoint.slug,
        "status": delivery.status,
        "type": delivery.type,
        "replay": delivery.replay_of_id is not None,
        "dry_run": delivery.dry_run,
        "reason": delivery.reason,
        "created_at": iso_ms(delivery.created_at),
        "delivered_at": iso_ms(delivery.delivered_at),
        "attempts": [
            {
                "at": iso_ms(attempt.at),
                "status_code": attempt.status_code,
                "ms": attempt.ms,
                "error": attempt.error,
                "answer": attempt.answer,
            }
            for attempt in attempts
        ],
    }


def _notification(notification: Notification) -> dict[str, Any]:
    return {
        "channel": notification.channel.slug,
        "event": notification.message.event,
        "level": notification.message.level,
        "title": notification.message.title,
        "status": notification.status,
        "tries": notification.tries,
        "created_at": iso_ms(notification.created_at),
        "sent_at": iso_ms(notification.sent_at),
        "error": notification.error,
    }


def _report(report: BridgeReport) -> dict[str, Any]:
    return {
        "endpoint": report.endpoint.slug,
        "report_id": report.report_id,
        "client_order_id": report.order.client_order_id if report.order else None,
        "status": report.status,
        "symbol": report.symbol,
        "side": report.side,
        "quantity": plain(report.quantity),
        "filled_quantity": plain(report.filled_quantity),
        "price": plain(report.price),
        "fills": report.fills,
        "code": report.code,
        "message": report.message,
        "result": report.result,
        "reported_at": iso_ms(report.reported_at),
        "received_at": iso_ms(report.received_at),
    }


# The timeline ------------------------------------------------------------------------------------------------------


def _received(signal: Signal) -> Iterable[Moment]:
    sender = signal.source.slug if signal.source else "the portal"
    yield signal.received_at, "received", f"{signal.action} {signal.symbol} from {sender}"
    if signal.routes:
        # Chosen at intake from cached configuration and stored with the signal: one moment with its receipt.
        yield signal.received_at, "routed", ", ".join(signal.routes)


def _decided(decisions: Iterable[Decision]) -> Iterable[Moment]:
    for decision in decisions:
        target = decision.account or decision.endpoint
        where = f"{target}: " if target else ""
        if decision.shadow:
            where += f"{decision.engine} in its shadow: "
        yield (
            decision.decided_at,
            "decided",
            f"{where}{decision.outcome}" + (f", {decision.reason}" if decision.reason else ""),
        )


def _ordered(orders: Iterable[Order], positions: Iterable[Position]) -> Iterable[Moment]:
    present = {(p.strategy_id, p.account_id, p.symbol, p.side): p for p in positions}
    for order in orders:
        what = f"{order.account}: {order.side} {plain(order.quantity)} {order.symbol}"
        yield order.created_at, "order_created", what
        if order.sent_at:
            yield order.sent_at, "order_sent", f"{order.account}: {order.client_order_id}"
        fills = list(order.fills.all())
        for fill in fills:
            yield fill.at, "filled", f"{order.account}: {plain(fill.quantity)} at {plain(fill.price)}"
        position = present.get((order.strategy_id, order.account_id, order.symbol, order.position_side))
        if position and fills:
            # A fill and its position are one transaction, whose time is the order's step.
            applied = [step.at for step in order.steps.all() if step.step == "filled"] + [fill.at for fill in fills]
            size = plain(position.quantity) if position.is_open else "flat"
            yield max(applied), "position", f"{order.account}: {position.side} {order.symbol}, now {size}"


def _told(deliveries: Iterable[Delivery], notifications: Iterable[Notification]) -> Iterable[Moment]:
    for delivery in deliveries:
        if delivery.delivered_at:
            tries = f" on try {delivery.tries}" if delivery.tries > 1 else ""
            yield delivery.delivered_at, "delivered", f"{delivery.endpoint}{tries}"
    for notification in notifications:
        if notification.sent_at:
            yield notification.sent_at, "notified", f"{notification.channel}: {notification.message.title}"


def _reported(reports: Iterable[BridgeReport]) -> Iterable[Moment]:
    """Trades of a bridge that no order of ours shows."""
    for report in reports:
        if report.order_id is None and report.filled_quantity:
            at = f" at {plain(report.price)}" if report.price is not None else ""
            yield report.received_at, "filled", f"{report.endpoint}, as it reports: {plain(report.filled_quantity)}{at}"


def _timeline(moments: Iterable[Moment], *, start: datetime) -> list[dict[str, Any]]:
    """Ordered by time; what happened at one instant, in the order of a signal's life."""
    ordered = sorted(moments, key=lambda moment: (moment[0], STAGES.index(moment[1])))
    return [
        {"at": iso_ms(at), "ms": milliseconds_between(start, at), "stage": stage, "detail": detail}
        for at, stage, detail in ordered
    ]
