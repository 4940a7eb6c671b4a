"""A newer target makes older undelivered ones of its lane pointless: it says where to be, not what to do (L3, S5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from relay.models import Delivery
from tradeops.core.events import Level

from . import state
from .undelivered import UNDELIVERED, unleased


def _targets_beside(delivery: Delivery) -> QuerySet[Delivery]:
    """Undelivered targets of the same lane. A dry run never takes the place of the real thing, nor the reverse."""
    return Delivery.objects.filter(
        UNDELIVERED,
        endpoint_id=delivery.endpoint_id,
        lane=delivery.lane,
        dry_run=delivery.dry_run,
        message__body__data__has_key="market_position",
    )


def is_target(delivery: Delivery) -> bool:
    data = delivery.message.body.get("data")
    return bool(delivery.lane) and isinstance(data, dict) and "market_position" in data


def older(deliveries: Sequence[Delivery], *, now: datetime) -> int:
    """Gives up what the new `deliveries` replace, except what is on its way now. Returns how many."""
    given_up = 0
    for delivery in deliveries:
        if not is_target(delivery):
            continue
        replaced = _targets_beside(delivery).filter(unleased(now), id__lt=delivery.pk)
        for row in replaced.select_related("message", "endpoint").defer("endpoint__secret"):
            given_up += give_up(row, endpoint=row.endpoint.slug, by=delivery.subject, at=now, tries=row.tries)
    return given_up


def newer_than(delivery: Delivery) -> Delivery | None:
    """The target that came while `delivery` was on its way: if that try failed, it is not worth another."""
    if not is_target(delivery):
        return None
    return _targets_beside(delivery).filter(id__gt=delivery.pk).order_by("-id").first()


def give_up(delivery: Delivery, *, endpoint: str, by: str, at: datetime, tries: int) -> bool:
    """Told at the level `info`: nothing is wrong."""
    reason = f"superseded by {by}"
    return state.dead(delivery, endpoint=endpoint, reason=reason, at=at, tries=tries, level=Level.INFO)
