"""A newer target makes older undelivered ones of its lane pointless: it says where to be, not what to do (L3, S5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q, QuerySet

from relay.models import Delivery
from tradeops.core.events import Level

from . import state
from .parcel import Held
from .state import Change
from .undelivered import UNDELIVERED, unleased


def _targets_beside(delivery: Held) -> QuerySet[Delivery]:
    """Undelivered targets of the same lane. A dry run never takes the place of the real thing, nor the reverse."""
    return Delivery.objects.filter(
        UNDELIVERED,
        endpoint_id=delivery.endpoint_id,
        group_id=delivery.group_id,
        lane=delivery.lane,
        dry_run=delivery.dry_run,
        message__body__data__has_key="market_position",
    )


def is_target(delivery: Held) -> bool:
    data = delivery.message.body.get("data")
    return bool(delivery.lane) and isinstance(data, dict) and "market_position" in data


def older(deliveries: Sequence[Delivery], *, now: datetime) -> int:
    """Gives up what the new `deliveries` replace, except what is on its way now. Returns how many."""
    changes: dict[int, Change] = {}
    for delivery in deliveries:
        if not is_target(delivery):
            continue
        # What a group's leader may have acted on is asked of it until it says so, and holds the group to it.
        asked = Q(group__isnull=False, unknown=True)
        replaced = _targets_beside(delivery).filter(unleased(now), id__lt=delivery.pk).exclude(asked)
        for row in replaced.select_related("message", "endpoint").defer("endpoint__secret", "endpoint__report_secret"):
            changes[row.pk] = given_up(row, endpoint=row.endpoint.slug, by=delivery.subject, at=now, tries=row.tries)
    return len(state.write(list(changes.values())))


def newer_than(delivery: Held) -> str | None:
    """The id of the target that came while `delivery` was on its way: if that failed, it is not worth another try."""
    if not is_target(delivery):
        return None
    newer = _targets_beside(delivery).filter(id__gt=delivery.pk).order_by("-id")
    return newer.values_list("subject", flat=True).first()


def newest_after(delivery: Delivery) -> str | None:
    """The id of the newest target of its lane that came after `delivery`, whatever became of it; None for others."""
    if not is_target(delivery):
        return None
    later = Delivery.objects.filter(lane=delivery.lane, dry_run=delivery.dry_run, id__gt=delivery.pk, replay_of=None)
    if delivery.group_id is None:
        later = later.filter(endpoint_id=delivery.endpoint_id, group=None)
    else:
        later = later.filter(group_id=delivery.group_id).exclude(message_id=delivery.message_id)
    targets = later.filter(message__body__data__has_key="market_position").order_by("-id")
    return targets.values_list("subject", flat=True).first()


def given_up(delivery: Held, *, endpoint: str, by: str, at: datetime, tries: int) -> Change:
    """Told at the level `info`: nothing is wrong."""
    reason = f"superseded by {by}"
    return state.dead(delivery, endpoint=endpoint, reason=reason, at=at, tries=tries, level=Level.INFO)
