"""Sends what is due: accounts side by side, so that a slow venue delays only itself (X5)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from django.db import close_old_connections, transaction

from accounts.brokers import registry
from signals.models import Order
from tradeops.core import logs
from tradeops.core.errors import ConfigurationError

from . import claim, reconcile, submit
from .lifecycle import UNSETTLED

logger = logs.get(__name__)
MAX_THREADS = 16
_pools: dict[int, ThreadPoolExecutor] = {}


def run(*, now: datetime) -> int:
    """One round: asks after what is uncertain, then sends what may be sent. Returns how many orders it touched."""
    if not Order.objects.filter(UNSETTLED).exists():
        return 0
    uncertain = reconcile.due(now=now)
    for order in uncertain:
        reconcile.reconcile(order)
    return len(uncertain) + send(claim.sendable(now=now))


def send(orders: Iterable[Order]) -> int:
    """Sends PENDING orders, in the order given; one whose lane is busy stays for a later `run`. Returns how many."""
    found = list(orders)
    local = [order for order in found if _is_local(order)]
    remote = [order for order in found if not _is_local(order)]
    # A remote venue's symbols go side by side, each in its order; what is local gains nothing from a thread.
    futures = [_pool().submit(_in_thread, lane) for lane in _lanes(remote)]
    if local:
        _together(local)
    for future in futures:
        future.result()
    return len(found)


def _together(orders: list[Order]) -> None:
    """A local venue's books are in this database: claim, answer and booking of all its orders commit as one.

    One commit instead of three for each order; a killed worker leaves each order as it was before. What can be done
    before the transaction is: it holds up every other writer.
    """
    first = {id(lane[0]) for lane in _lanes(orders)}  # a second order's size depends on what became of the first
    prepared = [submit.prepare(order) if id(order) in first else order for order in orders]
    with transaction.atomic():
        for ready in prepared:
            try:
                with transaction.atomic():
                    _go_on(ready)
            except Exception:
                logger.exception("an order could not be worked on; the others go on")


def _go_on(ready: submit.Ready | Order | None) -> None:
    if isinstance(ready, submit.Ready):
        submit.send(ready)
    elif ready is not None and ready.status == Order.Status.PENDING:
        submit.submit(ready)


def _is_local(order: Order) -> bool:
    try:
        return registry.capabilities(order.account.broker).local
    except ConfigurationError:
        return True  # `submit` turns it into a rejection, without a network call


def _lanes(orders: Iterable[Order]) -> list[list[Order]]:
    """By account and symbol, each in the order given."""
    lanes: dict[tuple[int, str], list[Order]] = {}
    for order in orders:
        lanes.setdefault((order.account_id, order.symbol), []).append(order)
    return list(lanes.values())


def _in_thread(lane: list[Order]) -> None:
    close_old_connections()
    for order in lane:
        submit.submit(order)


def _pool() -> ThreadPoolExecutor:
    """Made after the fork: a pool of the parent would have no threads here."""
    pid = os.getpid()
    if pid not in _pools:
        _pools.clear()
        _pools[pid] = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="account")
    return _pools[pid]
