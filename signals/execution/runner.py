"""Sends what is due: accounts side by side, so that a slow venue delays only itself (X5)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from accounts.brokers import registry
from signals.models import Order
from tradeops.core import later, logs, rows
from tradeops.core.cohort import Cohort
from tradeops.core.errors import ConfigurationError

from . import claim, lanes, reconcile, submit
from .lanes import Task, bell, busy, moved, wait

__all__ = ["bell", "busy", "moved", "run", "send", "start", "wait"]

logger = logs.get(__name__)
# As the partial index `signals_order_unsettled` has it.
_UNSETTLED = "status IN ('PENDING', 'SUBMITTED', 'UNKNOWN')"
# Orders that a lane of this process has taken on and not let go of: by their keys.
_taken: set[int] = set()
_taking = threading.Lock()


def run(*, now: datetime, leave: timedelta = timedelta()) -> int:
    """One round: asks after what is uncertain, and sends what may be sent. Returns how many orders it touched.

    Where nothing waits but orders that a signal made less than `leave` ago it does nothing: whoever made them has them.

    What needs the network is put to work and not waited for: `busy` tells whether some of it is left.
    """
    if not _is_anything_due(now=now, made_before=now - leave):
        return 0
    uncertain = reconcile.due(now=now)
    here = [order for order in uncertain if _is_local(order)]
    for order in here:
        reconcile.reconcile(order)
    there = _put_all([order for order in _exits_first(uncertain) if not _is_local(order)], reconcile.reconcile)
    asked = len(here) + sum(task is not None for task in there)
    return asked + start(claim.sendable(now=now, taken=_all_taken()))


def _is_anything_due(*, now: datetime, made_before: datetime) -> bool:
    """One small look, since it is taken at every turn, and mostly all orders are on their way already."""

    def waits(pk: int, created_at: datetime, tries: int, origin: str, attempt: int, code: str) -> bool:
        first = origin == Order.Origin.SIGNAL and not (tries or attempt or code)
        is_new = first and created_at > made_before
        return not is_new and pk not in _taken

    found = rows.select(
        Order,
        "due_at", "status", "lease_until", "claim_token", "id", "created_at", "tries", "origin", "attempt", "code",
        where=_UNSETTLED,
    )  # fmt: skip
    return any(
        due_at <= now
        and (waits(*rest) if status == Order.Status.PENDING else reconcile.is_free(lease_until, token, now=now))
        for due_at, status, lease_until, token, *rest in found
    )


def start(orders: Iterable[Order]) -> int:
    """Sends what is local, and has the rest sent. Returns how many are sent or on their way by that."""
    return len(_start(orders))


def send(orders: Iterable[Order]) -> int:
    """As `start`, and waits for the answers. Orders whose lane is busy stay for a later `run`."""
    tasks = _start(orders)
    for task in tasks:
        if task is not None:
            task.done.wait()
    return len(tasks)


def _start(orders: Iterable[Order]) -> list[Task | None]:
    """None for each local one."""
    found = list(orders)
    local = [order for order in found if _is_local(order)]
    # A remote venue's symbols go side by side, each in its order; what is local gains nothing from a thread.
    tasks = _put_all([order for order in found if not _is_local(order)], submit.submit)
    if local:
        _together(local)
    return [task for task in tasks if task is not None] + [None] * len(local)


def _put_all(orders: Sequence[Order], work: Callable[[Order], object]) -> list[Task | None]:
    """None for each order that a lane of this process has already. The others share what transactions they can."""
    cohort = Cohort(len(orders))
    return [_put(order, work, cohort) for order in orders]


def _put(order: Order, work: Callable[[Order], object], cohort: Cohort) -> Task | None:
    with _taking:
        if order.pk in _taken:
            cohort.leave()
            return None
        _taken.add(order.pk)
    account = order.account
    return lanes.put(
        lambda: _work(order, work, cohort),
        account=account.pk,
        venue=(account.broker, account.sandbox, account.base_url),
        symbol=order.symbol,
        first=order.intent == Order.Intent.CLOSE,
    )


def _all_taken() -> frozenset[int]:
    with _taking:
        return frozenset(_taken)


def _work(order: Order, work: Callable[[Order], object], cohort: Cohort) -> None:
    try:
        with cohort.member():
            work(order)
    finally:
        with _taking:
            _taken.discard(order.pk)


def _exits_first(orders: Iterable[Order]) -> list[Order]:
    return sorted(orders, key=lambda order: order.intent != Order.Intent.CLOSE)


def _together(orders: list[Order]) -> None:
    """A local venue's books are in this database: claim, answer and booking of all its orders commit as one.

    One commit instead of three for each order; a killed worker leaves each order as it was before. What can be done
    before the transaction is: it holds up every other writer.
    """
    first = [lane[0] for lane in _by_lane(orders)]  # a second order's size depends on what became of the first
    before = [(order, dict(order.__dict__)) for order in orders]
    try:
        _all_of(first)
    except Exception:
        logger.exception("orders could not be worked on together; each is worked on alone")
        for order, values in before:
            order.__dict__.update(values)
        first = []
    done = {id(order) for order in first}
    for order in orders:
        if id(order) not in done:
            _alone(order)


def _all_of(orders: Sequence[Order]) -> None:
    ready = [one for one in submit.prepare_all(orders) if isinstance(one, submit.Ready)]
    if not ready:
        return
    with transaction.atomic(), later.together():
        submit.send_here(ready)


def _alone(order: Order) -> None:
    try:
        if (ready := submit.prepare(order)) and isinstance(ready, submit.Ready):
            with transaction.atomic(), later.together():
                submit.send_here([ready])
    except Exception:
        logger.exception("an order could not be worked on; the others go on")


def _is_local(order: Order) -> bool:
    try:
        return registry.capabilities(order.account.broker).local
    except ConfigurationError:
        return True  # `submit` turns it into a rejection, without a network call


def _by_lane(orders: Iterable[Order]) -> list[list[Order]]:
    """By account and symbol, each in the order given."""
    found: dict[tuple[int, str], list[Order]] = {}
    for order in orders:
        found.setdefault((order.account_id, order.symbol), []).append(order)
    return list(found.values())
