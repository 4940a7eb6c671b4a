"""One order from PENDING to the venue's answer: instrument, size, round, claim, place, apply (X3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from accounts.brokers import registry
from accounts.brokers.base import (
    Broker,
    BrokerRejected,
    BrokerTemporary,
    BrokerUnknown,
    Instrument,
    OrderReport,
    OrderRequest,
)
from signals.models import Order
from tradeops.core import clock, money
from tradeops.core.errors import ConfigurationError, Conflict
from tradeops.core.money import OrderType, Side

from . import apply, claim, orders

ENTRY_TRIES = 4


@dataclass(frozen=True)
class Sized:
    """What may be sent, in base units and whole lots, and the steps that led there: (name, detail)."""

    quantity: Decimal
    steps: tuple[tuple[str, str], ...]
    problem: str = ""


@dataclass(frozen=True)
class Ready:
    """An order that is sized and may be claimed and sent."""

    order: Order
    broker: Broker
    instrument: Instrument
    sized: Sized


def submit(order: Order) -> Order | None:
    """Takes one due PENDING order as far as it goes now. None = somebody else has it, or it must not be sent."""
    ready = prepare(order)
    return send(ready) if isinstance(ready, Ready) else ready


def prepare(order: Order) -> Ready | Order | None:
    """Sizes the order, outside any transaction; an order that cannot be sent is ended here, a dry run answered."""
    try:
        broker = registry.broker_for(order.account)
        instrument = broker.instrument(order.symbol)
        sized = _size(order, broker, instrument)
    except (BrokerRejected, ConfigurationError) as error:
        return _finish(order, Order.Status.REJECTED, error.code, str(error))
    except BrokerTemporary as error:
        return _again(order, error, now=clock.now())
    if sized.problem:
        return _finish(order, Order.Status.REJECTED, "below_minimum", sized.problem, steps=sized.steps)
    if order.mode == Order.Mode.DRY_RUN:
        return _preview(order, broker, sized)
    return Ready(order, broker, instrument, sized)


def send(ready: Ready) -> Order | None:
    """Claims, places, and applies the answer."""
    sized = ready.sized
    claimed = claim.claim(ready.order, quantity=sized.quantity, steps=sized.steps, now=clock.now())
    return None if claimed is None else _place(claimed, ready.broker, ready.instrument, quantity=sized.quantity)


def _finish(
    order: Order, status: str, code: str, message: str, *, steps: tuple[tuple[str, str], ...] = ()
) -> Order | None:
    """Ends an order that was never sent; None if another worker has moved it on meanwhile."""
    try:
        return apply.finish(order, status, now=clock.now(), code=code, message=message, steps=steps)
    except Conflict:
        return None


def _size(order: Order, broker: Broker, instrument: Instrument) -> Sized:
    price = orders.reference_price(order) or Decimal(0)
    cap = broker.max_quantity(order.symbol, side=Side(order.side), price=price) if price > 0 else None
    quantity = order.quantity if cap is None else min(order.quantity, cap)
    if instrument.max_quantity > 0:
        quantity = min(quantity, instrument.max_quantity)
    rounded = money.floor_to(quantity, instrument.lot)
    steps = (
        ("instrument", f"lot {money.plain(instrument.lot)}, min {money.plain(instrument.min_quantity)}"),
        (
            "max_size",
            "any size" if cap is None else f"the venue allows {money.plain(money.floor_to(cap, instrument.lot))}",
        ),
        ("round", f"{money.plain(order.quantity)} → {money.plain(rounded)}"),
    )
    problem = ""
    if rounded < instrument.min_quantity or rounded <= 0:
        problem = f"{money.plain(rounded)} is below the venue's minimum of {money.plain(instrument.min_quantity)}"
        if cap is not None and cap < order.quantity:
            problem += ": the account's funds allow no more"
    return Sized(rounded, steps, problem)


def _request(order: Order, quantity: Decimal) -> OrderRequest:
    return OrderRequest(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        market=order.account.market,
        side=Side(order.side),
        type=OrderType(order.type),
        quantity=quantity,
        closes=order.intent == Order.Intent.CLOSE,
        price=order.price,
        quote=orders.quote_of(order),
        send_expires_at=order.send_expires_at,
    )


def _place(order: Order, broker: Broker, instrument: Instrument, *, quantity: Decimal) -> Order | None:
    try:
        found = broker.place(_request(order, quantity), now=clock.now())
    except BrokerRejected as error:
        return _finish(order, Order.Status.REJECTED, error.code, str(error))
    except BrokerTemporary as error:
        return _again(order, error, now=clock.now())
    except BrokerUnknown as error:
        now = clock.now()
        return apply.unknown(order, now=now, message=str(error), look_again_at=now + timedelta(seconds=1))
    return apply.report(order, found, now=clock.now(), base=instrument.base)


def _preview(order: Order, broker: Broker, sized: Sized) -> Order | None:
    """A dry run takes the same path up to the broker, which says what it would have done (X8)."""
    now = clock.now()
    try:
        found: OrderReport = broker.preview(_request(order, sized.quantity), now=now)
        message = f"would be {found.status}: {found.message}"
    except BrokerRejected as error:
        message = f"would be REJECTED: {error}"
    except BrokerTemporary as error:
        return _again(order, error, now=now)
    return _finish(order, Order.Status.CANCELED, "dry_run", message, steps=sized.steps)


def _again(order: Order, error: BrokerTemporary, *, now: datetime) -> Order | None:
    """Exits are tried until they are through; an entry gives up after a few tries (X6)."""
    if order.intent == Order.Intent.OPEN and order.tries + 1 >= ENTRY_TRIES:
        message = f"given up after {order.tries + 1} tries: {error}"
        return _finish(order, Order.Status.REJECTED, error.code, message)
    wait = max(orders.backoff(order.tries), timedelta(seconds=error.retry_after))
    return apply.not_sent(order, now=now, message=str(error), due_at=now + wait)
