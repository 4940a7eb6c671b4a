"""What people are told of reports. Of an order of ours, its own events tell (`execution.apply`)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.core.cache import caches
from django.db import transaction

from relay.models import Delivery
from relay.selectors import Reporter
from signals.models import BridgeReport
from tradeops.core import events, logs, money
from tradeops.core.errors import TradeOpsError
from tradeops.core.events import Event, Level

from .read import Report

logger = logs.get(__name__)
TOLD_EVERY_SECONDS = 60

_LEVELS = {BridgeReport.Status.REJECTED: Level.ERROR, BridgeReport.Status.CANCELED: Level.WARNING}


def of_relayed(reporter: Reporter, report: Report, *, delivery: Delivery, row: BridgeReport) -> None:
    """Of a signal that was only relayed, in the transaction that stores the report."""
    amount = _amount(report.filled_quantity, report.price)
    what = " ".join(part for part in (report.side, row.symbol, amount) if part)
    because = f": {report.message or report.code}" if report.message or report.code else ""
    _publish(
        reporter,
        report,
        name=f"execution.{report.status}",
        level=_LEVELS.get(report.status, Level.INFO),
        title=f"{reporter.slug} reports {report.status.replace('_', ' ')}: {what}{because}",
        signal=row.signal.public_id if row.signal else "",
        strategy=delivery.message.strategy,
        symbol=delivery.message.symbol,
        request_id=row.request_id,
        now=row.received_at,
    )


def _amount(quantity: Decimal | None, price: Decimal | None) -> str:
    if not quantity:
        return ""
    return f"{money.plain(quantity)} at {money.plain(price)}" if price is not None else str(money.plain(quantity))


def of_refusal(reporter: Reporter, report: Report, error: TradeOpsError, *, now: datetime) -> None:
    """Something may have been traded that is booked nowhere: the operator must look. Once a minute for each reason."""
    if not _first_this_minute(f"{reporter.slug}:{error.code}"):
        return
    with transaction.atomic():
        _publish(
            reporter,
            report,
            name="execution.refused",
            level=Level.CRITICAL if report.filled_quantity else Level.WARNING,
            title=f"A report of {reporter.slug} ({report.status}) was refused and is booked nowhere: {error}",
            now=now,
        )


def _first_this_minute(what: str) -> bool:
    try:
        return caches["limits"].add(f"report-refused:{what}", 1, TOLD_EVERY_SECONDS)
    except Exception:
        logger.exception("the limits' store does not answer; the notification goes out uncapped")
        return True


def _publish(
    reporter: Reporter,
    report: Report,
    *,
    name: str,
    level: Level,
    title: str,
    now: datetime,
    signal: str = "",
    strategy: str = "",
    symbol: str = "",
    request_id: str = "",
) -> None:
    events.publish(
        Event(
            name=name,
            at=now,
            level=level,
            title=title[:300],
            signal=signal,
            strategy=strategy,
            endpoint=reporter.slug,
            symbol=symbol,
            request_id=request_id,
            body={
                "endpoint": reporter.slug,
                "order": report.order,
                "status": str(report.status),
                "filled_quantity": money.plain(report.filled_quantity) or "",
                "price": money.plain(report.price) or "",
                "code": report.code,
                "message": report.message,
            },
        )
    )
