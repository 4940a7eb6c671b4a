"""A report's way into the records (L5): an order of ours takes it over by `execution.apply`, as any venue's answer.

A signal that was only relayed has no order and no position here: what its bridge tells of it is kept and shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.brokers import registry
from accounts.brokers.base import BrokerError, OrderReport, ReportStatus
from relay import selectors as relay
from relay.models import Delivery
from relay.selectors import Reporter
from signals.execution import apply
from signals.models import BridgeReport, Fill, Order, Signal
from tradeops.core import logs, money, rows
from tradeops.core.errors import ConfigurationError, Conflict, InvalidPayload, Refused
from tradeops.core.money import ZERO

from . import tell
from .read import Report

logger = logs.get(__name__)
Result = BridgeReport.Result


class NothingSent(Refused):
    """The same words whether there is no such order or it is somebody else's."""

    code = "unknown_order"
    http_status = 404

    def __init__(self) -> None:
        super().__init__("nothing was sent to this endpoint under this id")


class Overfilled(InvalidPayload):
    """It would make a position out of a mistake in units."""

    code = "overfilled"


@dataclass(frozen=True)
class Taken:
    """The stored report; `duplicate`: it was there before."""

    row: BridgeReport
    duplicate: bool


@dataclass(frozen=True)
class _About:
    """What a report is about: what was delivered, and the order of ours or the signal behind it."""

    delivery: Delivery
    order: Order | None
    signal: Signal | None


def take(reporter: Reporter, report: Report, *, request_id: str, now: datetime) -> Taken:
    """Stores the report and applies it, once. Raises Refused or Conflict: then nothing has changed, and the endpoint's
    operator is told."""
    try:
        known = BridgeReport.objects.filter(endpoint_id=reporter.endpoint_id, report_id=report.id).first()
        if known is not None:
            return _repeated(known, report)
        about = _about(reporter, report)
        return _store(reporter, report, about, request_id=request_id, now=now)
    except (Refused, Conflict) as error:
        tell.of_refusal(reporter, report, error, now=now)
        raise


def _about(reporter: Reporter, report: Report) -> _About:
    delivery = relay.sent_to(endpoint_id=reporter.endpoint_id, subject=report.order)
    if delivery is None:
        raise NothingSent
    orders = Order.objects.select_related("account", "strategy", "signal")
    order = orders.filter(client_order_id=report.order).first()
    signal = order.signal if order else Signal.objects.filter(public_id=report.order).first()
    if order is None and signal is None:
        raise NothingSent  # a test message has nothing behind it
    if order is not None:
        _check(order, report)
    return _About(delivery, order, signal)


def _check(order: Order, report: Report) -> None:
    """What contradicts the order is not booked."""
    if report.side and report.side != order.side:
        raise InvalidPayload(f"is {report.side}, the order is to {order.side}", field="side")
    if report.filled_quantity and not report.fills:
        raise InvalidPayload("are missing: an order's fills count by their trade_id", field="fills")


def _check_fills(order: Order, report: Report) -> None:
    """With the order locked: what is known already counts once, whatever the report repeats."""
    trades = [fill.trade_id for fill in report.fills]
    booked = Fill.objects.filter(account_id=order.account_id, symbol=order.symbol)
    if booked.filter(trade_id__in=trades).exclude(order=order).exists():
        raise InvalidPayload("name a trade that belongs to another order", field="fills")
    total = {fill.trade_id: fill.quantity for fill in booked.filter(order=order)}
    total.update({fill.trade_id: fill.quantity for fill in report.fills})
    quantity = order.sent_quantity or order.quantity
    if sum(total.values(), ZERO) > quantity:
        raise Overfilled(
            f"are more than the order's {money.plain(quantity)}: quantities are in base units, not lots", field="fills"
        )


def _repeated(known: BridgeReport, report: Report) -> Taken:
    if known.digest != report.digest:
        raise Conflict("this id was used for another report; each report needs its own", code="id_used")
    return Taken(known, duplicate=True)


def _store(reporter: Reporter, report: Report, about: _About, *, request_id: str, now: datetime) -> Taken:
    base = _base_currency(about.order) if about.order else ""
    row = _row(reporter, report, about, request_id=request_id, now=now)
    try:
        with transaction.atomic():
            rows.insert(row)  # first: of two copies at the same time one waits here and then fails
            if about.order is not None:
                row.result = _apply(about.order, report, base=base, now=now)
                rows.update(row, "result")
            else:
                tell.of_relayed(reporter, report, delivery=about.delivery, row=row)
    except IntegrityError:
        known = BridgeReport.objects.filter(endpoint_id=reporter.endpoint_id, report_id=report.id).first()
        if known is None:
            raise
        return _repeated(known, report)
    return Taken(row, duplicate=False)


def _row(reporter: Reporter, report: Report, about: _About, *, request_id: str, now: datetime) -> BridgeReport:
    return BridgeReport(
        endpoint_id=reporter.endpoint_id,
        report_id=report.id,
        digest=report.digest,
        subject=report.order,
        signal=about.signal,
        order=about.order,
        status=report.status,
        symbol=report.symbol or about.delivery.message.symbol,
        side=report.side,
        quantity=report.quantity,
        filled_quantity=report.filled_quantity,
        price=report.price,
        fills=[
            {
                "trade_id": fill.trade_id,
                "quantity": money.plain(fill.quantity),
                "price": money.plain(fill.price),
                "fee": money.plain(fill.fee),
                "fee_currency": fill.fee_currency,
            }
            for fill in report.fills
        ],
        code=report.code,
        message=report.message,
        result=Result.KEPT,
        reported_at=report.sent_at or now,
        received_at=now,
        request_id=request_id,
    )


def _base_currency(order: Order) -> str:
    """What a fee must be in to lower the position; may ask the venue, so outside any transaction."""
    try:
        return registry.broker_for(order.account).instrument(order.symbol).base
    except (BrokerError, ConfigurationError) as error:
        logger.warning("the instrument of a report is not known; its symbol tells", error=str(error))
        return order.symbol.partition("/")[0]


def _apply(order: Order, report: Report, *, base: str, now: datetime) -> BridgeReport.Result:
    found = OrderReport(
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        status=ReportStatus(report.status.upper()),
        fills=report.fills,
        code=report.code,
        message=report.message,
    )
    order = apply.locked(order)
    _check_fills(order, report)
    before = order.status, order.filled_quantity
    after = apply.report(order, found, now=now, base=base, via="bridge report")
    return Result.UNCHANGED if (after.status, after.filled_quantity) == before else Result.APPLIED
