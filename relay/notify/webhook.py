"""Any program that takes JSON: signed as the relay signs (L2), hex HMAC and Standard Webhooks headers both.

The channel's target is the URL, its secret signs. The address guard is the relay's.
"""

from __future__ import annotations

import json

from relay.delivery.endpoints import private_networks
from tradeops.core import clock, signing

from . import wire
from .base import Destination, NotifierFinal, NotifierMessage

WHO = "the webhook"


class WebhookNotifier:
    def __init__(self) -> None:
        self._wire = wire.Wire(WHO)

    def send(self, message: NotifierMessage, *, to: Destination) -> None:
        if not to.secret or not to.target:
            raise NotifierFinal("the channel has no URL or no secret to sign with", mend=True)
        body = payload(message)
        signed = signing.webhook_headers(to.secret, message_id=message.id, body=body, now=clock.now())
        headers = {**signed, "Content-Type": "application/json"}
        wire.judge(self._wire.post(to.target, body, headers, networks=tuple(private_networks())), WHO)

    def close(self) -> None:
        self._wire.close()


def payload(message: NotifierMessage) -> bytes:
    """`{"id", "type": "notification", "created_at", "event", "level", "title", "details": [{"label", "value"}]}`."""
    content = {
        "id": message.id,
        "type": "notification",
        "created_at": clock.iso_ms(message.at),
        "event": message.event,
        "level": message.level.value,
        "title": message.title,
        "details": [{"label": label, "value": value} for label, value in message.details],
    }
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode("ascii")
