"""An order's states, and which may follow which. `execution.apply` is the only writer."""

from __future__ import annotations

from signals.models import Order
from tradeops.core import literal
from tradeops.core.fsm import Transitions

S = Order.Status

# UNKNOWN → PENDING and SUBMITTED → PENDING: the venue proved that it never had the order (X6), or a person says so.
# PENDING → OPEN …: it had it all the same, and showed it late: it is adopted instead of being sent again.
# From CANCELED, EXPIRED and REJECTED a late fill is legal: the venue traded before it heard of the cancel, or after
# everybody thought that it would not (DESIGN §2.5). Only fills lead out of a final state, see `apply.report`.
TRANSITIONS: Transitions = {
    S.PENDING: frozenset({S.SUBMITTED, S.OPEN, S.PARTIALLY_FILLED, S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED}),
    S.SUBMITTED: frozenset(
        {S.PENDING, S.OPEN, S.PARTIALLY_FILLED, S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED, S.UNKNOWN}
    ),
    S.UNKNOWN: frozenset({S.PENDING, S.OPEN, S.PARTIALLY_FILLED, S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED}),
    S.OPEN: frozenset({S.PARTIALLY_FILLED, S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED}),
    S.PARTIALLY_FILLED: frozenset({S.FILLED, S.CANCELED, S.EXPIRED}),
    S.CANCELED: frozenset({S.PARTIALLY_FILLED, S.FILLED}),
    S.EXPIRED: frozenset({S.PARTIALLY_FILLED, S.FILLED}),
    S.REJECTED: frozenset({S.PARTIALLY_FILLED, S.FILLED}),
    S.FILLED: frozenset(),
}
FINAL = frozenset({S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED})
RESTING = frozenset({S.OPEN, S.PARTIALLY_FILLED})
IN_FLIGHT = (S.PENDING, S.SUBMITTED)
# The condition of the partial index `signals_order_unsettled`: what is to be sent or asked after.
UNSETTLED = literal.one_of("status", (S.PENDING.value, S.SUBMITTED.value, S.UNKNOWN.value))
UNSETTLED_IS = "status IN ('PENDING', 'SUBMITTED', 'UNKNOWN')"  # the same, as SQL text
# The conditions of `signals_order_resting` and `signals_order_live`, as SQL text.
RESTS = "status IN ('OPEN', 'PARTIALLY_FILLED')"
LIVE = "status IN ('PENDING', 'SUBMITTED', 'OPEN', 'PARTIALLY_FILLED', 'UNKNOWN')"
