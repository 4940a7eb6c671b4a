"""Venues whose books are in this database: orders of one moment go there with as many statements as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from tradeops.core.money import Side

from .base import Broker, BrokerError, Intended, OrderReport, OrderRequest


def place_all(asked: Sequence[tuple[Broker, OrderRequest]], *, now: datetime) -> list[OrderReport | BrokerError]:
    """What `Broker.place` gives or raises for each, in their order.

    A kind of broker that can take several at once, whatever their accounts, has a static `place_all` of the same
    shape: all of its orders are taken in the caller's transaction.
    """
    by_kind: dict[type, list[int]] = {}
    for number, (broker, _) in enumerate(asked):
        by_kind.setdefault(type(broker), []).append(number)
    found: dict[int, OrderReport | BrokerError] = {}
    for kind, numbers in by_kind.items():
        together: Any = getattr(kind, "place_all", None) or _one_by_one
        found |= zip(numbers, together([asked[number] for number in numbers], now=now), strict=True)
    return [found[number] for number in range(len(asked))]


@dataclass(frozen=True)
class Wanted:
    """What `Broker.max_quantity` is asked for."""

    symbol: str
    side: Side
    price: Decimal
    intended: Intended | None = None


def tells_together(broker: Broker) -> bool:
    """Whether its kind has a static `max_quantities`, which asks for several accounts at once."""
    return broker.capabilities.local and hasattr(broker, "max_quantities")


def max_quantities(asked: Sequence[tuple[Broker, Wanted]]) -> list[Decimal | BrokerError | None]:
    """What `Broker.max_quantity` gives or raises for each, in their order; all of kinds that tell together."""
    by_kind: dict[Any, list[int]] = {}
    for number, (broker, _) in enumerate(asked):
        by_kind.setdefault(type(broker), []).append(number)
    found: dict[int, Decimal | BrokerError | None] = {}
    for kind, numbers in by_kind.items():
        found |= zip(numbers, kind.max_quantities([asked[number] for number in numbers]), strict=True)
    return [found[number] for number in range(len(asked))]


def _one_by_one(asked: Sequence[tuple[Broker, OrderRequest]], *, now: datetime) -> list[OrderReport | BrokerError]:
    found: list[OrderReport | BrokerError] = []
    for broker, request in asked:
        try:
            found.append(broker.place(request, now=now))
        except BrokerError as error:
            found.append(error)
    return found
