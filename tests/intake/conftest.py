"""Sources with secrets made for the run, and one way to post to them."""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client

from relay.models import Delivery
from signals.intake import request_log, sources
from signals.models import AddressList, DedupKey, RefusedAttempt, Signal, Source, Strategy
from signals.pipeline.drain import drain
from tests import factories
from tests.intake.bridge import Bridge, D, deliver
from tradeops.core import configuration

TRADINGVIEW_ADDRESS = "52.89.214.238"
ALERT = {"symbol": "BTCUSDT", "action": "buy", "price": 67000.5, "quantity": "0.01"}


@dataclass
class Sent:
    """What came back."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]
    content: bytes


@dataclass
class Portal:
    """The webhook endpoint from a sender's side."""

    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))
    secret: dict[str, str] = field(default_factory=dict)

    def source(self, slug: str, *, auth: str = "token", secret: str | None = None, **fields: Any) -> Source:
        row = Source(slug=slug, auth=auth, **fields)
        self.secret[slug] = secret or secrets.token_urlsafe(24)
        sources.set_secret(source=row, secret=self.secret[slug])
        row.save()
        configuration.changed()
        return row

    def strategy(self, slug: str, *, feeds: Source, **fields: Any) -> Strategy:
        row = Strategy.objects.create(slug=slug, **{"mode": "paper", "symbols": {"BTCUSDT": "BTC/USDT"}, **fields})
        row.sources.add(feeds)
        configuration.changed()
        return row

    def post(
        self, path: str, body: Any, *, address: str = "203.0.113.9", content_type: str = "text/plain", **headers: str
    ) -> Sent:
        data = (
            body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        )
        meta = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        return self.read(
            self.client.generic("POST", path, data, content_type=content_type, REMOTE_ADDR=address, **meta)
        )

    def read(self, response: Any) -> Sent:
        body = json.loads(response.content) if response.content else {}
        return Sent(response.status_code, body, dict(response.items()), response.content)

    def send(self, slug: str, body: Any = None, **kwargs: Any) -> Sent:
        """To the source's own path with its token in a header."""
        return self.post(
            f"/webhook/{slug}", ALERT if body is None else body, x_webhook_token=self.secret[slug], **kwargs
        )

    def sign(self, slug: str, body: bytes) -> str:
        return hmac.new(self.secret[slug].encode(), body, hashlib.sha256).hexdigest()


@pytest.fixture
def portal(db) -> Portal:
    # A transactional test before this one may have emptied what the migration seeded.
    AddressList.objects.update_or_create(
        slug="tradingview", defaults={"networks": [f"{TRADINGVIEW_ADDRESS}/32", "34.212.75.30/32"]}
    )
    configuration.changed()
    return Portal()


@pytest.fixture(autouse=True)
def _empty_request_log():
    request_log.discard()
    yield
    request_log.discard()


def stored() -> tuple[int, int]:
    return Signal.objects.count(), DedupKey.objects.count()


def refusals() -> list[RefusedAttempt]:
    request_log.flush()
    return list(RefusedAttempt.objects.order_by("pk"))


@pytest.fixture
def bridge(portal):
    return Bridge(portal, "vps-1")


@pytest.fixture
def relayed(bridge):
    """A signal that went to the bridge and to no account."""
    signal = factories.signal(factories.strategy(endpoints=[bridge.endpoint]))
    drain()
    assert Delivery.objects.get(type="signal").subject == signal.public_id
    return signal


@pytest.fixture
def order(bridge):
    """A SUBMITTED order to buy 0.01 that was delivered to the bridge."""
    account, strategy = factories.account(), factories.strategy("mt5")
    return deliver(
        bridge,
        factories.order(account, strategy, status="SUBMITTED", sent_quantity=D("0.01"), claim_token="w:1:x.1"),
    )
