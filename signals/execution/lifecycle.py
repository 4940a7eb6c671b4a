"""An order's states, and which may follow which. `execution.apply` is the only writer."""

from __future__ import annotations

from signals.models import Order
from tradeops.core import literal
from tradeops.core.fsm import Transitions

S = Order.Status

# UNKNOWN → PENDING and SUBMITTED → PENDING: the venue proved that it never had the order (X6).
# From CANCELED and EXPIRED a late fill is legal: the venue traded before it heard of the cancel (DESIGN §2.5).
TRANSITIONS: Transitions = {
    S.PENDING: frozenset({S.SUBMITTED, S.CANCELED, S.REJECTED, S.EXPIRED}),
    S.SUBMITTED: frozenset(
        {S.PENDING, S.OPEN, S.PARTIALLY_FILLED, S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED, S.UNKNOWN}
    ),
    S.UNKNOWN: frozenset({S.PENDING, S.OPEN, S.PARTIALLY_FILLED, S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED}),
    S.OPEN: frozenset({S.PARTIALLY_FILLED, S.FILLED, S.CANCELED, S.EXPIRED}),
    S.PARTIALLY_FILLED: frozenset({S.FILLED, S.CANCELED, S.EXPIRED}),
    S.CANCELED: frozenset({S.PARTIALLY_FILLED, S.FILLED}),
    S.EXPIRED: frozenset({S.PARTIALLY_FILLED, S.FILLED}),
    S.FILLED: frozenset(),
    S.REJECTED: frozenset(),
}
FINAL = frozenset({S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED})
IN_FLIGHT = (S.PENDING, S.SUBMITTED)
# The condition of the partial index `signals_order_unsettled`: what is to be sent or asked after.
UNSETTLED = literal.one_of("status", (S.PENDING.value, S.SUBMITTED.value, S.UNKNOWN.value))
