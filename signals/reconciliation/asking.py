"""What a venue is asked of one order, or one symbol, while the account is compared.

One that it no longer lists the instrument of is that order's matter: the rest of the account is compared all the same.
"""

from __future__ import annotations

from decimal import Decimal

from accounts.brokers.base import Broker, BrokerRejected, OrderReport
from signals.execution import vanished
from signals.models import Order
from tradeops.core import clock
from tradeops.core.money import ZERO


def fetch(broker: Broker, order: Order, *, unlisted: OrderReport | None = None) -> OrderReport | None:
    """As the venue has it; `unlisted` where it does not list the instrument. None = it does not know it."""
    try:
        return broker.fetch(order.client_order_id, symbol=order.symbol, now=clock.now())
    except BrokerRejected as error:
        if not vanished.unlisted(error):
            raise
        return unlisted


def lot(broker: Broker, symbol: str) -> Decimal:
    """Zero where the venue does not list the instrument: what it settled last has no whole lots."""
    try:
        return broker.instrument(symbol).lot
    except BrokerRejected as error:
        if not vanished.unlisted(error):
            raise
        return ZERO
