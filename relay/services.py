"""What the rest of the portal asks of the relay. It writes in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from relay import outbox
from relay.delivery import supersede
from relay.delivery.address import check_url
from relay.models import Delivery, Endpoint, Message
from tradeops.core import configuration, events, rows, signing, wake
from tradeops.core.errors import ConfigurationError, Conflict
from tradeops.core.events import Event

__all__ = ["Dispatch", "Target", "check_url", "relay", "relay_many", "replay", "set_report_secret", "set_secret"]

# A forced replay has the time that the original had, but never so little that it could not be retried.
FORCED_REPLAY_AT_LEAST = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Target:
    endpoint_id: int
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """One message and where it goes.

    `subject` is the id it is sent under (the signal's or order's public id), `type` one of Delivery.Type, `lane` what
    is delivered in order (strategy and symbol; empty = no order), `expires_at` when it is given up. A body whose `data`
    has `market_position` supersedes undelivered targets of its lane.
    """

    event: Event
    subject: str
    type: str
    lane: str
    endpoints: Sequence[Target]
    reduces: bool
    expires_at: datetime


def relay(
    *,
    event: Event,
    subject: str,
    type: str,
    lane: str,
    endpoints: Sequence[Target],
    reduces: bool,
    expires_at: datetime,
    now: datetime,
) -> Message:
    """Writes the Message of `event` (as `outbox.record`) and one Delivery for each of `endpoints`: see `Dispatch`.

    Call it in a transaction.
    """
    one = Dispatch(
        event=event, subject=subject, type=type, lane=lane, endpoints=endpoints, reduces=reduces, expires_at=expires_at
    )
    return relay_many([one], now=now)[0]


def relay_many(dispatches: Sequence[Dispatch], *, now: datetime) -> list[Message]:
    """As `relay` for each, in their order, with as many statements as for one. Call it in a transaction."""
    messages = outbox.record_many([one.event for one in dispatches])
    deliveries = [
        _delivery(one, target, message, now=now)
        for one, message in zip(dispatches, messages, strict=True)
        for target in one.endpoints
    ]
    if deliveries:
        rows.insert_all(deliveries)
        supersede.older(deliveries, now=now)
        wake.notify()
    return messages


def _delivery(one: Dispatch, target: Target, message: Message, *, now: datetime) -> Delivery:
    delivery = rows.make(
        Delivery,
        message_id=message.pk,
        endpoint_id=target.endpoint_id,
        type=Delivery.Type(one.type).value,
        subject=one.subject,
        lane=one.lane,
        reduces=one.reduces,
        dry_run=target.dry_run,
        created_at=now,
        due_at=now,
        expires_at=one.expires_at,
    )
    delivery.message = message
    return delivery


def set_secret(*, endpoint: Endpoint, secret: str) -> None:
    """Sets what messages to `endpoint` are signed with, and saves it if the endpoint is stored already.

    `whsec_…` is base64, anything else its UTF-8 bytes. Raises ConfigurationError for a weak or malformed one.
    """
    signing.check_strength(secret)
    signing.key_bytes(secret)
    endpoint.secret = secret
    if endpoint.pk is not None:
        with transaction.atomic():
            endpoint.save(update_fields=["secret"])
            configuration.changed()


def set_report_secret(*, endpoint: Endpoint, secret: str) -> None:
    """Sets what the bridge of `endpoint` signs its reports with (L5), as `set_secret` does.

    It is never the secret of messages: who may tell us what was filled is not who may be told what to trade.
    """
    signing.check_strength(secret)
    signing.key_bytes(secret)
    if secret == endpoint.secret:
        raise ConfigurationError("the report secret must not be the one that messages are signed with")
    endpoint.report_secret = secret
    if endpoint.pk is not None:
        with transaction.atomic():
            endpoint.save(update_fields=["report_secret"])
            configuration.changed()


def replay(*, delivery: Delivery, by: str, force: bool, now: datetime) -> Delivery:
    """Sends a settled delivery once more, marked `replay: true`, under the same id and in the same lane.

    Raises Conflict: `still_open` while it or a replay of it is under way; `endpoint_closed`; `stale` past its
    deadline, unless `force`: then it gets as much time as the original had, at least a minute.
    """
    with transaction.atomic():
        rows = Delivery.objects.select_for_update(of=("self",)).select_related("message")
        original = rows.get(pk=delivery.pk)
        endpoint = Endpoint.objects.defer("secret").get(pk=original.endpoint_id)
        _check_replayable(original, endpoint, force=force, now=now)
        lifetime = max(original.expires_at - original.created_at, FORCED_REPLAY_AT_LEAST)
        again = Delivery.objects.create(
            message=original.message,
            endpoint=endpoint,
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
        _tell_of_replay(again, endpoint=endpoint.slug, by=by, force=force, now=now)
        wake.notify()
    return again


def _check_replayable(original: Delivery, endpoint: Endpoint, *, force: bool, now: datetime) -> None:
    open_statuses = (Delivery.Status.PENDING, Delivery.Status.RETRYING)
    if original.status in open_statuses or original.replays.filter(status__in=open_statuses).exists():
        raise Conflict("It is still being delivered: wait until it is delivered or dead.", code="still_open")
    if not endpoint.active or endpoint.retired_at is not None:
        raise Conflict(f"{endpoint.slug} is switched off: switch it on, then replay.", code="endpoint_closed")
    if original.expires_at <= now and not force:
        age = round((now - original.created_at).total_seconds())
        raise Conflict(
            f"It is {age} s old, past its deadline: the market has moved on. Force it if it must be sent all the same.",
            code="stale",
        )


def _tell_of_replay(again: Delivery, *, endpoint: str, by: str, force: bool, now: datetime) -> None:
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
