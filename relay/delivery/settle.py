"""Writing what came of a batch of tries: attempts, deliveries, breakers and events in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from relay.models import Attempt, Endpoint
from tradeops.core import configuration, events, rows
from tradeops.core.events import Level

from . import breaker, bury, schedule, state, supersede
from .endpoints import Receiver
from .outcome import Outcome
from .parcel import Held
from .state import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    delivery: Held
    receiver: Receiver
    outcome: Outcome
    verdict: schedule.Verdict


def write(results: Sequence[Result]) -> bool:
    """A try is stored whoever holds the delivery now; the delivery changes only if this sender still holds it.

    True if failover groups want a look: an endpoint turned ill, or a group's message was not taken.
    """
    with transaction.atomic():
        rows.insert_new([_attempt(result.delivery, result.outcome) for result in results])
        state.write([_change(result) for result in results])
        for result in results:
            if isinstance(result.verdict, schedule.Gone):
                _disable(result)
        opened = breaker.note(_tries(results))
    return opened or any(_was_not_taken(result) for result in results)


def _was_not_taken(result: Result) -> bool:
    return bool(result.delivery.group_id) and not result.outcome.delivered


def _attempt(delivery: Held, outcome: Outcome) -> Attempt:
    return rows.make(
        Attempt,
        delivery_id=delivery.pk,
        at=outcome.at,
        ms=outcome.ms,
        status_code=outcome.status_code,
        answer=outcome.answer,
        error=outcome.error,
    )


def _tries(results: Sequence[Result]) -> dict[int, tuple[str, list[Outcome]]]:
    tries: dict[int, tuple[str, list[Outcome]]] = {}
    for result in results:
        tries.setdefault(result.receiver.id, (result.receiver.slug, []))[1].append(result.outcome)
    return tries


def _change(result: Result) -> Change:
    delivery, endpoint, at = result.delivery, result.receiver.slug, result.outcome.ended_at
    tries = delivery.tries + 1
    match result.verdict:
        case schedule.Delivered():
            return state.delivered(delivery, endpoint=endpoint, tries=tries, at=at)
        case schedule.Retry(at=due_at):
            unknown = bury.still_unknown(delivery, result.outcome)
            newer = supersede.newer_than(delivery) if not (unknown and delivery.group_id) else None
            if newer is not None:
                return supersede.given_up(delivery, endpoint=endpoint, by=newer, at=at, tries=tries)
            if delivery.group_id and not result.outcome.reached:
                due_at = min(due_at, at + schedule.LEADER_AGAIN)
            return state.retry(delivery, endpoint=endpoint, tries=tries, at=at, due_at=due_at, unknown=unknown)
        case schedule.Gone():
            reason, unknown = "the receiver answered 410 Gone", delivery.unknown
            return bury.given_up(delivery, endpoint=endpoint, reason=reason, at=at, tries=tries, unknown=unknown)
        case schedule.GiveUp(reason=reason):
            unknown = bury.still_unknown(delivery, result.outcome)
            return bury.given_up(delivery, endpoint=endpoint, reason=reason, at=at, tries=tries, unknown=unknown)


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
