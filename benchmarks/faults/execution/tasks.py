"""What a worker of the nest does; imported there, with Django set up."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import Account
from signals import receive as receiving
from signals.execution import cancel as cancels
from signals.models import Order, Source, Strategy
from signals.operator import flatten
from signals.pipeline import drain, work
from signals.receive import Alert
from signals.reconciliation import cursor
from signals.risk import switch
from signals.tending import duties, rounds
from tradeops.core import clock
from tradeops.core.ids import request_id


def load() -> None:
    """Imports what is imported late, so that no fork has to."""
    from accounts.brokers import registry

    for kind in set(Account.objects.values_list("broker", flat=True)):
        registry.capabilities(kind)


def receive(messages: list[dict[str, Any]]) -> list[str]:
    """Stores them as intake does, for every strategy that maps the symbol; their public ids."""
    now = clock.now()
    source = Source.objects.get()
    strategies = list(Strategy.objects.order_by("id"))
    signals = [
        receiving.new(
            source_id=source.pk,
            alert=Alert(
                **{name: value for name, value in message.items() if name != "price"}, price=Decimal(message["price"])
            ),
            raw=message,
            routes=[row.slug for row in strategies if message["symbol"] in row.symbols],
            request_id=request_id(),
            address=None,
            size=0,
            received_at=now,
        )
        for message in messages
    ]
    with transaction.atomic():
        receiving.store(signals)
    return [signal.public_id for signal in signals]


def switched(scope: str, key: str, on: bool) -> dict[str, Any]:
    switch.set(scope=scope, key=key, on=on, reason="a drill", by="benchmark", now=clock.now())
    return {}


def flattened(name: str) -> dict[str, Any]:
    """Everything that is open, on every account; whoever is at work sends it."""
    now = clock.now()
    targets = [flatten.Target(account=account) for account in Account.objects.order_by("id")]
    results = flatten.flatten(targets, request_id=name, by="benchmark", reason="a drill", now=now)
    return {
        "began": now.timestamp(),
        "committed": clock.now().timestamp(),
        "orders": sum(len(result.closes) for result in results),
    }


def work_off(seconds: float) -> None:
    """Drains and tends until nothing that could be done is left."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        drain.drain(budget_seconds=min(5.0, deadline - time.monotonic()))
        if not work.there().items and not Order.objects.filter(status__in=_UNDER_WAY).exists():
            return
        rounds.tend(budget_seconds=min(1.0, max(0.0, deadline - time.monotonic())), linger_seconds=0)
        time.sleep(0.05)


def compare(seconds: float) -> None:
    """Asks for a comparison with every venue, and tends."""
    cursor.ask(duties.at_venues(), now=clock.now())
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        rounds.tend(budget_seconds=1.0, linger_seconds=0.5)
        time.sleep(0.1)


def cancel(seconds: float) -> None:
    """Cancels whatever rests, and sees to it."""
    for order in Order.objects.filter(status__in=(Order.Status.OPEN, Order.Status.PARTIALLY_FILLED)):
        cancels.ask(order, reason="a test of it", now=clock.now())
    work_off(seconds)


_UNDER_WAY = (
    Order.Status.PENDING,
    Order.Status.SUBMITTED,
    Order.Status.UNKNOWN,
    Order.Status.OPEN,
    Order.Status.PARTIALLY_FILLED,
)
ANSWERS: dict[str, Callable[..., dict[str, Any]]] = {
    "signals": lambda messages: {"ids": receive(messages)},
    "switch": switched,
    "flatten": flattened,
}
TASKS: dict[str, Callable[[float], None]] = {"drain": work_off, "compare": compare, "cancel": cancel}
