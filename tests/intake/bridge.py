"""A VPS terminal that reports, as the tests of bridge reports need it."""

import base64
import hashlib
import hmac
import json
import secrets
from datetime import timedelta
from decimal import Decimal

from relay import services as relay
from relay.models import Message
from tests import factories
from tradeops.core import clock, configuration, events

D = Decimal
PATH = "/webhook/execution"


class Bridge:
    """A VPS terminal that reports."""

    def __init__(self, portal, slug):
        self.portal, self.slug = portal, slug
        self.secret = secrets.token_urlsafe(24)
        self.endpoint = factories.endpoint(slug)
        relay.set_report_secret(endpoint=self.endpoint, secret=self.secret)
        configuration.changed()
        self._number = 0

    def content(self, **fields):
        self._number += 1
        return {
            "id": f"r{self._number}", "timestamp": clock.iso_ms(clock.now()), "endpoint": self.slug, **fields,
        }  # fmt: skip

    def send(self, content=None, *, secret=None, path=PATH, **fields):
        body = content if isinstance(content, bytes) else json.dumps(content or self.content(**fields)).encode()
        signature = hmac.new((secret or self.secret).encode(), body, hashlib.sha256).hexdigest()
        return self.portal.post(path, body, x_webhook_signature=signature)

    def send_standard(self, content, *, id="msg_1", at=None, signature=None):
        body, stamp = json.dumps(content).encode(), str(int((at or clock.now()).timestamp()))
        digest = hmac.new(self.secret.encode(), f"{id}.{stamp}.".encode() + body, hashlib.sha256).digest()
        return self.portal.post(
            PATH, body, webhook_id=id, webhook_timestamp=stamp,
            webhook_signature=signature or f"v1,{base64.b64encode(digest).decode()}", x_webhook_endpoint=self.slug,
        )  # fmt: skip


def deliver(bridge, order):
    """As the mt5 broker sends an order: under its client order id."""
    relay.relay(
        event=events.Event(name="order.relayed", at=clock.now(), title="an order", symbol=order.symbol),
        subject=order.client_order_id, type="order", lane="", endpoints=[relay.Target(endpoint_id=bridge.endpoint.pk)],
        reduces=False, expires_at=clock.now() + timedelta(seconds=60), now=clock.now(),
    )  # fmt: skip
    return order


def fill(trade="t1", quantity="0.01", price="50000", **fields):
    return {"trade_id": trade, "quantity": quantity, "price": price, **fields}


def told():
    """Of reports and orders; not what was relayed."""
    news = Message.objects.filter(deliveries__isnull=True).exclude(event__startswith="signal.")
    return list(news.order_by("pk").values_list("event", "level"))
