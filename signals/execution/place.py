"""The one call that may move money: what the venue answers to it, or that nobody knows (X6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from accounts.brokers import last_look, local
from accounts.brokers.base import (
    Broker,
    BrokerError,
    BrokerRejected,
    BrokerTemporary,
    BrokerUnknown,
    Instrument,
    OrderReport,
    Rejection,
)
from signals.models import Order
from tradeops.core import clock, failpoints, logs, rows

from . import answers, apply, claim, orders, request

logger = logs.get(__name__)
# A venue needs a moment until it shows what it took.
ASK_AFTER = timedelta(seconds=0.3)


def place(order: Order, broker: Broker, instrument: Instrument, *, quantity: Decimal) -> Order:
    """Sends the claimed order once, and applies the answer.

    Raises BrokerRejected and BrokerTemporary: then it is surely not at the venue.
    """
    asked = request.build(order, instrument, quantity)
    base = request.fee_base(order, instrument)
    failpoints.reached("place.before_send")
    began = clock.now()
    try:
        with last_look.guarded(lambda: claim.check(order), age=_age(order)):
            found = broker.place(asked, now=clock.now())
    except BrokerRejected as error:
        if error.code != Rejection.DUPLICATE_ID:
            raise
        return _there_already(order, broker, error, began=began, base=base)
    except BrokerTemporary:
        raise
    except BrokerUnknown as error:
        failpoints.reached("place.after_error")
        return doubted(order, broker, error, began=began)
    except Exception as error:
        if broker.capabilities.local:
            raise  # its books are undone with the transaction
        logger.exception("a broker failed after it may have sent an order", client_order_id=order.client_order_id)
        text = f"{type(error).__name__} in the {order.account.broker} broker after it may have sent the order"
        return doubted(order, broker, BrokerUnknown(text), began=began)
    failpoints.reached("place.after_send")
    answer = answers.heard(broker, "place", began, found)
    return apply.report(order, found, now=clock.now(), base=base, answer=answer)


def _age(order: Order) -> float:
    """Seconds since the switches were read for its claim, or somewhat more."""
    return 0.0 if order.sent_at is None else max(0.0, (clock.now() - order.sent_at).total_seconds())


@dataclass(frozen=True)
class Sending:
    """A claimed order on its way to its venue."""

    order: Order
    broker: Broker
    instrument: Instrument
    quantity: Decimal


def place_here(sent: Sequence[Sending]) -> list[apply.Told | BrokerError]:
    """As `place` at local venues, in the transaction in which the orders were claimed; no answer is applied yet.

    The claims are written with the answers, or here where there is an error instead.
    """
    asked = [(one.broker, request.build(one.order, one.instrument, one.quantity)) for one in sent]
    failpoints.reached("place.before_send")
    found = local.place_all(asked, now=clock.now())
    failpoints.reached("place.after_send")
    refused = [one.order for one, answer in zip(sent, found, strict=True) if isinstance(answer, BrokerError)]
    rows.update_each(refused, *orders.CLAIMED)
    now = clock.now()
    return [
        answer if isinstance(answer, BrokerError) else _told(one, answer, now=now)
        for one, answer in zip(sent, found, strict=True)
    ]


def _told(one: Sending, answer: OrderReport, *, now: datetime) -> apply.Told:
    base = request.fee_base(one.order, one.instrument)
    return apply.Told(order=one.order, found=answer, now=now, base=base, untouched=True)


def doubted(order: Order, broker: Broker, error: BrokerError, *, began: datetime) -> Order:
    """Nobody can tell whether the claimed order is at the venue: it is asked for."""
    now = clock.now()
    return apply.unknown(
        order,
        now=now,
        message=str(error),
        look_again_at=now + ASK_AFTER,
        by_sender=True,
        venue_code=error.venue_code,
        answer=answers.heard(broker, "place", began, error),
    )


def _there_already(order: Order, broker: Broker, error: BrokerRejected, *, began: datetime, base: str) -> Order:
    """The venue knows this client order id: an earlier send arrived after all. What became of it is asked."""
    found: OrderReport | None = None
    asked_at = clock.now()
    try:
        found = broker.fetch(order.client_order_id, symbol=order.symbol, now=asked_at)
    except BrokerError as failure:
        logger.info("the venue does not show an order that it has", error=str(failure))
    if found is None:
        return doubted(order, broker, error, began=began)
    answer = answers.heard(broker, "fetch", asked_at, found)
    return apply.report(order, found, now=clock.now(), base=base, via="already there", answer=answer)
