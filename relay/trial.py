"""A test message: a real, signed one of the type `test`, which goes the way of every other and says that it is none."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from relay import services
from relay.models import Delivery, Endpoint
from tradeops.core.errors import Conflict
from tradeops.core.events import Event
from tradeops.core.ids import uuid7

LIFETIME = timedelta(seconds=60)


def send(*, endpoint: Endpoint, by: str, now: datetime) -> Delivery:
    """The delivery; the sender brings it within a second. No symbol, no action, `dry_run: true`. Raises Conflict."""
    if not endpoint.active or endpoint.retired_at is not None:
        raise Conflict(f"{endpoint} is switched off: nothing is sent to it. Switch it on first.")
    with transaction.atomic():
        message = services.relay(
            event=Event(
                name="endpoint.test",
                at=now,
                title=f"{by} sends a test message to {endpoint}",
                endpoint=endpoint.slug,
                body={"data": {"note": f"A test message sent by {by}: there is nothing to trade."}, "raw": None},
            ),
            subject=uuid7(),
            type=Delivery.Type.TEST,
            lane="",
            endpoints=[services.Target(endpoint_id=endpoint.pk, dry_run=True)],
            reduces=False,
            expires_at=now + LIFETIME,
            now=now,
        )
        return message.deliveries.get()
