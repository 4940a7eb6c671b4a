"""What a venue said, word for word: kept beside the order (X6). Brokers cut secrets out before they hand it over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.brokers.base import Broker, BrokerError, OrderReport
from signals.models import Order, OrderAnswer
from tradeops.core import clock, later, rows

MOST_CHARACTERS = 20_000


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`call` is place, fetch, cancel or prepare; `outcome` a status, or the error's code; `ms` how long it took."""

    call: str
    at: datetime
    ms: int
    outcome: str
    body: str


def heard(broker: Broker, call: str, began: datetime, said: OrderReport | BrokerError | None) -> Answer | None:
    """None where there is nothing to keep: no words, or a broker without a network."""
    if said is None or not said.raw or broker.capabilities.local:
        return None
    at = clock.now()
    outcome = said.code if isinstance(said, BrokerError) else str(said.status)
    return Answer(
        call=call,
        at=at,
        ms=max(0, round((at - began).total_seconds() * 1000)),
        outcome=outcome[:60],
        body=said.raw.replace("\x00", "")[:MOST_CHARACTERS],
    )


def store(order: Order, answer: Answer | None) -> None:
    """In the transaction that acts on it."""
    if answer is not None:
        made = rows.make(
            OrderAnswer,
            order_id=order.pk,
            call=answer.call,
            at=answer.at,
            ms=answer.ms,
            outcome=answer.outcome,
            body=answer.body,
        )
        later.write(_insert, [made])


def _insert(made: Sequence[OrderAnswer]) -> None:
    """A function of its own: what waits for one goes into one table."""
    rows.insert_all(made)
