"""From an order's row to what a broker is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from accounts.brokers.base import (
    AttachedExit,
    Broker,
    BrokerRejected,
    Cause,
    Instrument,
    OrderRequest,
    Rejection,
    TimeInForce,
)
from signals.models import Order
from tradeops.core import money
from tradeops.core.money import OrderType, Side

from . import orders


@dataclass(frozen=True)
class _Tick:
    step: Decimal

    def __call__(self, value: Decimal | None) -> Decimal | None:
        return None if value is None else money.floor_to(value, self.step)


def build(order: Order, instrument: Instrument, quantity: Decimal) -> OrderRequest:
    """`quantity` in whole lots; prices are rounded down to the tick."""
    tick = _Tick(instrument.tick)
    closes = order.intent == Order.Intent.CLOSE
    capped = quantity < money.floor_to(order.quantity, instrument.lot)
    return OrderRequest(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        market=order.account.market,
        side=Side(order.side),
        type=OrderType(order.type),
        quantity=quantity,
        closes=closes,
        position_side=order.position_side,
        price=tick(order.price),
        stop_price=tick(order.stop_price),
        trailing=order.trailing,
        time_in_force=TimeInForce(order.time_in_force),
        post_only=order.post_only,
        quote_amount=None if capped else order.quote_amount,  # what funds allow is known as a quantity
        leverage=order.leverage,
        margin_mode=order.margin_mode or order.account.margin_mode,
        attached=tuple(_attached(item, tick) for item in order.attached),
        quote=orders.quote_of(order),
        send_expires_at=order.send_expires_at,
    )


def _attached(item: dict[str, str], tick: _Tick) -> AttachedExit:
    trigger = tick(Decimal(item["trigger"]))
    assert trigger is not None
    return AttachedExit(
        kind=Cause(item["kind"]),
        trigger=trigger,
        share=Decimal(item.get("share", "1")),
        limit=tick(Decimal(item["limit"])) if "limit" in item else None,
    )


def fee_base(order: Order, instrument: Instrument) -> str:
    """The currency in which a fee makes the position smaller: only on spot is the base what is held."""
    return instrument.base if order.account.market == "spot" else ""


def fee_base_at(broker: Broker, order: Order) -> str:
    """As `fee_base`; by the symbol, where the venue lists the instrument no longer and still knows the order."""
    try:
        return fee_base(order, broker.instrument(order.symbol))
    except BrokerRejected as error:
        if error.code != Rejection.UNKNOWN_INSTRUMENT:
            raise
    return order.symbol.partition("/")[0] if order.account.market == "spot" else ""
