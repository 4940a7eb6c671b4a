"""Before something is closed at a venue, what rests there and would close the same is taken back (P2).

A position's stop covers all of it. What is closed beside it, by a target, a signal or a person, would leave a stop for
more than is held, and on spot the venue has bound the coins to it. So the stop goes first; what is left gets its own.
A limit exit that rests is in the way of what closes at once just so, but not of another that rests.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from accounts.brokers.base import BrokerTemporary
from signals.models import Order
from tradeops.core import clock, failpoints, rows
from tradeops.core.errors import Conflict
from tradeops.core.money import ZERO, OrderType

from . import again, cancel
from .lifecycle import LIVE, RESTING

_STILL_THERE = "stop_in_the_way"
# Where nobody knows whether the stop is there, the exit waits for an answer so long, and then it goes all the same.
PATIENCE = timedelta(seconds=10)
# What waits at the venue for a price, and closes nothing until then.
STOPS = (OrderType.STOP.value, OrderType.STOP_LIMIT.value, OrderType.TRAILING_STOP.value)
AT_ONCE = ("ioc", "fok")
# What waits for a price, limits with it, as SQL text.
_WAITS = "(type IN ('stop', 'stop_limit', 'trailing_stop') OR (type = 'limit' AND time_in_force NOT IN ('ioc', 'fok')))"


def waits_for_a_price(kind: str, time_in_force: str, status: str) -> bool:
    """Whether a close of this type closes nothing until the market comes to it: so it holds up nothing else, and is
    taken back before something closes the same at once. A limit that nobody has heard of may have traded already."""
    is_limit = kind == OrderType.LIMIT and time_in_force not in AT_ONCE
    return kind in STOPS or (is_limit and status != Order.Status.UNKNOWN)


def gives_way(order: Order) -> bool:
    """Whether it is a stop, or a resting limit, that is taken back before something else closes the same."""
    return order.intent == Order.Intent.CLOSE and waits_for_a_price(order.type, order.time_in_force, order.status)


def wanted(found: Sequence[Order]) -> set[int]:
    """The keys of those of these orders that close what a stop or a limit at the venue may close too. One look."""
    closing = [order for order in found if _needs_room(order)]
    if not closing:
        return set()
    # The first condition is that of the index `signals_order_live`.
    places = " OR ".join(
        ["(account_id = %s AND strategy_id = %s AND symbol = %s AND position_side = %s)"] * len(closing)
    )
    where = f"{LIVE} AND status NOT IN ('PENDING', 'SUBMITTED') AND intent = 'close' AND {_WAITS} AND ({places})"
    params = [value for order in closing for value in _place(order)]
    there = set(rows.select(Order, "account_id", "strategy_id", "symbol", "position_side", where=where, params=params))
    return {order.pk for order in closing if _place(order) in there}


def _needs_room(order: Order) -> bool:
    return order.type not in STOPS and order.intent == Order.Intent.CLOSE and order.mode != Order.Mode.DRY_RUN


def _place(order: Order) -> tuple[int, int, str, str]:
    return order.account_id, order.strategy_id, order.symbol, str(order.position_side)


def make(order: Order) -> None:
    """Uses the network where something rests that does not fit beside `order`, one of those that are `wanted`.

    Raises BrokerTemporary while it is not known to be gone: `order` is then tried again soon.
    """
    there = list(
        Order.objects.select_related("account", "strategy", "signal")
        .filter(
            status__in=[*RESTING, Order.Status.UNKNOWN],
            account=order.account_id,
            strategy=order.strategy_id,
            symbol=order.symbol,
            position_side=order.position_side,
            intent=Order.Intent.CLOSE,
        )
        .order_by("id")
    )
    stops = [row for row in there if row.type in STOPS]
    # What else closes counts too: one that nobody has heard of may have closed its part already.
    if not stops or order.quantity + _left(there) > again.held(order):
        for stop in stops:
            _take_back(stop)
        _take_back_limits(order, [row for row in there if row not in stops])


def _take_back_limits(order: Order, there: list[Order]) -> None:
    """As many as are in the way of what closes at once; two that wait for a price were both asked for."""
    if waits_for_a_price(order.type, order.time_in_force, order.status):
        return
    for limit in [row for row in there if row.pk != order.pk and gives_way(row)]:
        if order.quantity + _left(there) <= again.held(order):
            return
        _take_back(limit)
        there.remove(limit)


def _left(closes: list[Order]) -> Decimal:
    return sum((close.quantity - close.filled_quantity for close in closes), ZERO)


def _take_back(row: Order) -> None:
    try:
        asked = cancel.ask(row, reason="the position is being closed", now=clock.now())
    except Conflict:
        return  # it has fired, or is gone, meanwhile
    failpoints.reached("room.asked")
    found = cancel.send(asked, now=clock.now())
    if found.status in RESTING or _may_be_there(found):
        what = "stop" if row.type in STOPS else "limit"
        text = f"the {what} {row.client_order_id} must be off the venue first"
        raise BrokerTemporary(text, code=_STILL_THERE, retry_after=0.5)


def _may_be_there(row: Order) -> bool:
    if row.status != Order.Status.UNKNOWN or row.unknown_since is None:
        return False
    return clock.now() - row.unknown_since < PATIENCE
