"""Writing what came of a batch of tries: attempts, deliveries and events in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from relay.models import Attempt, Delivery, Endpoint
from tradeops.core import configuration, events, rows
from tradeops.core.events import Level

from . import schedule, state, supersede
from .endpoints import Receiver
from .outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class Result:
    delivery: Delivery
    receiver: Receiver
    outcome: Outcome
    verdict: schedule.Verdict


def write(results: Sequence[Result]) -> None:
    """A try is stored whoever holds the delivery now; the delivery changes only if this sender still holds it."""
    with transaction.atomic():
        rows.insert_all([_attempt(result.delivery, result.outcome) for result in results])
        for result in results:
            _apply(result)


def _attempt(delivery: Delivery, outcome: Outcome) -> Attempt:
    return Attempt(
        delivery=delivery,
        at=outcome.at,
        ms=outcome.ms,
        status_code=outcome.status_code,
        answer=outcome.answer,
        error=outcome.error,
    )


def _apply(result: Result) -> None:
    delivery, endpoint, at = result.delivery, result.receiver.slug, result.outcome.ended_at
    tries = delivery.tries + 1
    match result.verdict:
        case schedule.Delivered():
            state.delivered(delivery, endpoint=endpoint, tries=tries, at=at)
        case schedule.Retry(at=due_at):
            newer = supersede.newer_than(delivery)
            if newer is not None:
                supersede.give_up(delivery, endpoint=endpoint, by=newer.subject, at=at, tries=tries)
            else:
                state.retry(delivery, tries=tries, due_at=due_at)
        case schedule.Gone():
            _disable(result)
            state.dead(delivery, endpoint=endpoint, reason="the receiver answered 410 Gone", at=at, tries=tries)
        case schedule.GiveUp(reason=reason):
            state.dead(delivery, endpoint=endpoint, reason=reason, at=at, tries=tries)


def _disable(result: Result) -> None:
    """Only if the endpoint is still the one that answered: the operator may have moved it meanwhile.

    What else waits for it is given up by `bury.overdue` with the next sweep.
    """
    receiver, at = result.receiver, result.outcome.ended_at
    reason = "it answered 410 Gone"
    same = Endpoint.objects.filter(pk=receiver.id, url=receiver.url, active=True)
    if not same.update(active=False, disabled_reason=reason):
        return
    configuration.changed()
    events.publish(
        events.Event(
            name="endpoint.disabled",
            at=at,
            level=Level.ERROR,
            title=f"{receiver.slug} was disabled: {reason}. Its messages are given up until it is switched on again.",
            endpoint=receiver.slug,
            body={"endpoint": receiver.slug, "reason": reason},
        )
    )
