"""What the rest of the portal asks of the relay. It writes in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from relay import outbox
from relay.delivery import failover, supersede
from relay.delivery.address import check_url
from relay.delivery.endpoints import Receiver
from relay.models import Delivery, Endpoint, Message
from relay.replays import Replayed, preview, replay, replay_many
from tradeops.core import configuration, rows, signing, wake
from tradeops.core.errors import ConfigurationError
from tradeops.core.events import Event

__all__ = [
    "Dispatch", "Replayed", "Target", "check_url", "let_go", "preview", "relay", "relay_many", "replay", "replay_many",
    "set_report_secret", "set_secret",
]  # fmt: skip


HOLD = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Target:
    """With `group_id`, the failover group's leader: `endpoint_id` is who led when it was decided."""

    endpoint_id: int
    dry_run: bool = False
    group_id: int | None = None
    hold_until: datetime | None = None  # not before then; it is given up no earlier than `HOLD` after that


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
    leaders = failover.leaders({target.group_id for one in dispatches for target in one.endpoints if target.group_id})
    messages = outbox.record_many([one.event for one in dispatches])
    deliveries = [
        _delivery(one, target, message, leaders=leaders, now=now)
        for one, message in zip(dispatches, messages, strict=True)
        for target in one.endpoints
    ]
    if deliveries:
        rows.insert_all(deliveries)
        supersede.older(deliveries, now=now)
        wake.notify(wake.RELAY)
    return messages


def let_go(*, endpoint: str = "", strategy: str = "", now: datetime) -> int:
    """What was held (`Target.hold_until`) for an endpoint or a strategy, by slug, goes now; returns how many."""
    held = Delivery.objects.filter(status=Delivery.Status.PENDING, tries=0, due_at__gt=now)
    held = held.filter(endpoint__slug=endpoint) if endpoint else held.filter(lane__startswith=f"{strategy}:")
    return held.update(due_at=now)


def _delivery(
    one: Dispatch, target: Target, message: Message, *, leaders: Mapping[int, Receiver], now: datetime
) -> Delivery:
    leader = leaders.get(target.group_id) if target.group_id else None
    if leader is not None and target.dry_run and not leader.accepts_dry_run:
        leader = None  # it leads only since the decision, which was for one that accepts dry runs
    held = target.hold_until
    delivery = rows.make(
        Delivery,
        message_id=message.pk,
        endpoint_id=leader.id if leader else target.endpoint_id,
        group_id=target.group_id if leader else None,
        type=Delivery.Type(one.type).value,
        subject=one.subject,
        lane=one.lane,
        reduces=one.reduces,
        dry_run=target.dry_run,
        created_at=now,
        due_at=now if held is None else held,
        expires_at=one.expires_at if held is None else max(one.expires_at, held + HOLD),
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
