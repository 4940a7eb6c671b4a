"""Sending settled deliveries once more, one or many (L3): marked `replay: true`, same id, same lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from relay.delivery import failover, supersede
from relay.models import Delivery, Endpoint
from tradeops.core import events, wake
from tradeops.core.errors import Conflict
from tradeops.core.events import Event

# A forced replay has the time that the original had, but never so little that it could not be retried.
FORCED_REPLAY_AT_LEAST = timedelta(seconds=60)
OPEN = (Delivery.Status.PENDING, Delivery.Status.RETRYING)
# One transaction each: a thousand dead letters must not hold up the signals that come meanwhile.
AT_ONCE = 50


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What came of one of many: `again` is the new delivery, or `code` and `problem` say why there is none."""

    delivery: int
    again: int | None = None
    code: str = ""
    problem: str = ""


def replay(*, delivery: Delivery, by: str, force: bool, now: datetime) -> Delivery:
    """Sends a settled delivery once more, to the leader if a failover group had it.

    Raises Conflict: `still_open` while it or a replay of it is under way; `passed_on` if another member of its group
    has taken it; `endpoint_closed`; and unless `force`: `stale` past its deadline, `superseded` if a newer target came.
    A forced one past its deadline gets as much time as the original had, at least a minute.
    """
    with transaction.atomic():
        return _replay(delivery.pk, by=by, force=force, now=now)


def replay_many(*, deliveries: Sequence[int], by: str, force: bool, now: datetime) -> list[Replayed]:
    """`replay` for each of the ids, oldest first, so that a lane keeps its order; one that is refused stops no other.

    Lanes are replayed as if they were live: of one lane's messages each goes once the one before it has gone.
    """
    ids = sorted(set(deliveries))
    results: list[Replayed] = []
    for start in range(0, len(ids), AT_ONCE):
        with transaction.atomic():
            results += [_one_of_many(pk, by=by, force=force, now=now) for pk in ids[start : start + AT_ONCE]]
    return results


def preview(*, deliveries: Sequence[int], force: bool, now: datetime) -> list[Replayed]:
    """What `replay_many` would do now, without doing it: `again` stays empty, `code` says who would be refused."""
    return [_would(pk, force=force, now=now) for pk in sorted(set(deliveries))]


def _would(pk: int, *, force: bool, now: datetime) -> Replayed:
    try:
        original = Delivery.objects.select_related("message").get(pk=pk)
        _check(original, _endpoint(original.endpoint_id), force=force, now=now)
    except Delivery.DoesNotExist:
        return _missing(pk)
    except Conflict as problem:
        return Replayed(delivery=pk, code=problem.code, problem=str(problem))
    return Replayed(delivery=pk)


def _one_of_many(pk: int, *, by: str, force: bool, now: datetime) -> Replayed:
    """A refusal comes before anything is written, so the transaction of the others is not harmed."""
    try:
        return Replayed(delivery=pk, again=_replay(pk, by=by, force=force, now=now).pk)
    except Delivery.DoesNotExist:
        return _missing(pk)
    except Conflict as problem:
        return Replayed(delivery=pk, code=problem.code, problem=str(problem))


def _missing(pk: int) -> Replayed:
    return Replayed(delivery=pk, code="not_found", problem=f"There is no delivery {pk}.")


def _replay(pk: int, *, by: str, force: bool, now: datetime) -> Delivery:
    original = Delivery.objects.select_for_update(of=("self",)).select_related("message").get(pk=pk)
    group = original.group_id
    leader = failover.leaders([group]).get(group) if group else None
    endpoint = _endpoint(leader.id if leader else original.endpoint_id)
    _check(original, endpoint, force=force, now=now)
    lifetime = max(original.expires_at - original.created_at, FORCED_REPLAY_AT_LEAST)
    again = Delivery.objects.create(
        message=original.message,
        endpoint=endpoint,
        group_id=group,
        type=original.type,
        subject=original.subject,
        lane=original.lane,
        reduces=original.reduces,
        dry_run=original.dry_run,
        replay_of=original,
        created_at=now,
        due_at=now,
        expires_at=original.expires_at if original.expires_at > now else now + lifetime,
    )
    _tell(again, endpoint=endpoint.slug, by=by, force=force, now=now)
    wake.notify(wake.RELAY)
    return again


def _endpoint(pk: int) -> Endpoint:
    return Endpoint.objects.defer("secret", "report_secret").get(pk=pk)


def _check(original: Delivery, endpoint: Endpoint, *, force: bool, now: datetime) -> None:
    if original.status in OPEN or original.replays.filter(status__in=OPEN).exists():
        raise Conflict("It is still being delivered: wait until it is delivered or dead.", code="still_open")
    _check_group(original)
    if not endpoint.active or endpoint.retired_at is not None:
        raise Conflict(f"{endpoint.slug} is switched off: switch it on, then replay.", code="endpoint_closed")
    if force:
        return
    if original.expires_at <= now:
        age = round((now - original.created_at).total_seconds())
        raise Conflict(
            f"It is {age} s old, past its deadline: the market has moved on. Force it if it must be sent all the same.",
            code="stale",
        )
    if newer := supersede.newest_after(original):
        raise Conflict(
            f"{newer} says since then where to be: this one is out of date. Force it if it must be sent all the same.",
            code="superseded",
        )


def _check_group(original: Delivery) -> None:
    """A message that the group passed on has other rows; the one that counts is the last."""
    if original.group_id is None or original.status != Delivery.Status.DEAD:
        return
    others = Delivery.objects.filter(message=original.message_id, group=original.group_id).exclude(pk=original.pk)
    other = others.filter(replay_of=original.replay_of_id, status__in=(*OPEN, Delivery.Status.DELIVERED)).first()
    if other is not None:
        raise Conflict(f"It was passed on within its group: see delivery {other.pk}.", code="passed_on")


def _tell(again: Delivery, *, endpoint: str, by: str, force: bool, now: datetime) -> None:
    message = again.message
    events.publish(
        Event(
            name="delivery.replayed",
            at=now,
            title=f"{by} sends {again.type} {message.symbol or again.subject} to {endpoint} again",
            signal=message.signal,
            strategy=message.strategy,
            endpoint=endpoint,
            symbol=message.symbol,
            request_id=message.request_id,
            body={"delivery": again.pk, "replay_of": again.replay_of_id, "by": by, "forced": force},
        )
    )
