"""Orders that rest at a venue: asked after, and cancelled when somebody wants it, when their time is over, or when they
are to close what is closed already (X2, P2).

A venue that pushes nothing has to be asked. Where more than one order of an account rests, one question about all of
them comes first, and only those that moved are asked after.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection

from accounts.brokers import registry
from accounts.brokers.base import Broker, BrokerError, BrokerRejected, BrokerTemporary, OrderReport
from signals.models import Order, Position
from tradeops.core import clock, failpoints, logs, rows
from tradeops.core.errors import ConfigurationError, Conflict
from tradeops.core.money import ZERO

from . import again, answers, apply, cancel, orders, request, vanished
from .lifecycle import RESTING, RESTS

logger = logs.get(__name__)
# Nobody else asks after them for so long, unless whoever took them says when.
LEASE = timedelta(seconds=15)
MOST = 200


def due(*, now: datetime) -> list[int]:
    """The accounts, by primary key, with an order to ask after or to cancel now. One look into a partial index."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT account_id FROM signals_order WHERE {RESTS} AND due_at <= %s ORDER BY account_id",  # noqa: S608
            [connection.ops.adapt_datetimefield_value(now)],
        )
        return [pk for [pk] in cursor.fetchall()]


def run(account_id: int, *, now: datetime) -> int:
    """One round for one account: cancels first, then polls. Uses the network; returns how many orders it looked at."""
    mine = _take(account_id, now=now)
    if not mine:
        return 0
    for order in mine:
        if order.cancel_asked_at is None and order.cancel_after is not None and order.cancel_after <= now:
            _take_back(order, reason="the time of the order is over", now=now)
    for order in _left_over(account_id, mine):
        _take_back(order, reason="there is nothing left that it could close", now=now)
    wanted = [order for order in mine if order.cancel_asked_at is not None and order.status in RESTING]
    for order in wanted:
        cancel.send(order, now=now)
    _poll([order for order in mine if order.cancel_asked_at is None])
    return len(mine)


def _take(account_id: int, *, now: datetime) -> list[Order]:
    """Those that are due, for this caller alone for a while; a round that dies leaves them to the next one."""
    at = connection.ops.adapt_datetimefield_value(now)
    until = connection.ops.adapt_datetimefield_value(now + LEASE)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE signals_order SET due_at = %s WHERE id IN (SELECT id FROM signals_order WHERE {RESTS}"  # noqa: S608
            f" AND account_id = %s AND due_at <= %s ORDER BY id LIMIT {MOST}) AND due_at <= %s RETURNING id",
            [until, account_id, at, at],
        )
        taken = [pk for [pk] in cursor.fetchall()]
    found = Order.objects.filter(pk__in=taken).select_related("account", "strategy", "signal")
    return list(found.order_by("id"))


def _left_over(account_id: int, mine: Sequence[Order]) -> list[Order]:
    """Those that would close what is flat by now: they would close what comes next, or what is another's."""
    closing = [order for order in mine if order.intent == Order.Intent.CLOSE and order.mode != Order.Mode.DRY_RUN]
    if not closing:
        return []
    held = set(
        rows.select(Position, "strategy_id", "symbol", "side", where="is_open AND account_id = %s", params=[account_id])
    )
    return [
        order for order in closing
        if (order.strategy_id, order.symbol, order.position_side) not in held and again.is_needless(order)
    ]  # fmt: skip


def _take_back(order: Order, *, reason: str, now: datetime) -> None:
    try:
        asked = cancel.ask(order, reason=reason, now=now)
    except Conflict:
        logger.info("an order ended before it was taken back", client_order_id=order.client_order_id)
        return
    order.cancel_asked_at = asked.cancel_asked_at


def _poll(found: Sequence[Order]) -> None:
    if not found:
        return
    try:
        broker = registry.broker_for(found[0].account)
        listed = _listed(broker) if len(found) > 1 else None
    except (BrokerError, ConfigurationError) as error:
        _put_off(found, error)
        return
    moved = list(found) if listed is None else _moved(found, listed)
    for number, order in enumerate(moved, start=1):
        try:
            _ask_after(order, broker, listed)
        except BrokerTemporary as error:
            # The others would only wait, too. It comes back after them: it may be the only one that fails.
            rest = moved[number:]
            _put_off([order], error, times=2 if rest else 1)
            _put_off(rest, error)
            return
        except (BrokerError, ConfigurationError) as error:
            _put_off([order], error)


def _listed(broker: Broker) -> Sequence[OrderReport] | None:
    """What rests at the venue; None where one of it is in a market that the venue does not list."""
    try:
        return broker.open_orders()
    except BrokerRejected as error:
        if not vanished.unlisted(error):
            raise
        return None


def _put_off(found: Sequence[Order], error: BrokerError | ConfigurationError, *, times: int = 1) -> None:
    if not found:
        return
    wait = error.retry_after if isinstance(error, BrokerTemporary) else 5.0
    logger.info("resting orders could not be asked after", account=found[0].account.slug, error=str(error))
    _look_again(found, at=clock.now() + max(orders.LATEST, timedelta(seconds=wait)) * times)


def _moved(found: Sequence[Order], listed: Iterable[OrderReport]) -> list[Order]:
    """Those of which the list of open orders does not say that they are as they were; the others wait."""
    rows = {row.client_order_id: row for row in listed}
    same = [order for order in found if _is_same(order, rows.get(order.client_order_id))]
    if same:
        now = clock.now()
        _look_again(same, at=min(orders.next_poll(order, now=now) for order in same))
    quiet = {order.pk for order in same}
    return [order for order in found if order.pk not in quiet]


def _is_same(order: Order, listed: OrderReport | None) -> bool:
    return listed is not None and listed.filled is not None and listed.filled == order.filled_quantity


def _ask_after(order: Order, broker: Broker, listed: Sequence[OrderReport] | None) -> None:
    """`listed`: what rests at the venue, where it was asked already."""
    began = clock.now()
    try:
        found = broker.fetch(order.client_order_id, symbol=order.symbol, now=began)
    except BrokerRejected as error:
        if not vanished.unlisted(error):
            raise
        rests = broker.open_orders() if listed is None else listed
        vanished.with_its_instrument(order, error, resting=rests, now=clock.now())
        return
    failpoints.reached("resting.after_fetch")
    if found is None:
        vanished.is_it(order, now=clock.now())
        return
    base = request.fee_base_at(broker, order)
    answer = answers.heard(broker, "fetch", began, found) if _is_news(order, found) else None
    apply.report(order, found, now=clock.now(), base=base, via="poll", answer=answer)


def _is_news(order: Order, found: OrderReport) -> bool:
    filled = sum((fill.quantity for fill in found.fills), ZERO) if found.filled is None else found.filled
    return found.status.value != order.status or filled != order.filled_quantity


def _look_again(found: Sequence[Order], *, at: datetime) -> None:
    """Unless one has moved on meanwhile."""
    keys = [order.pk for order in found]
    Order.objects.filter(pk__in=keys, status__in=list(RESTING)).update(due_at=at)
