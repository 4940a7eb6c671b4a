"""A sender that a test turns by hand, at a time that the test sets."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from relay import services
from relay.delivery.loop import Sender
from relay.models import Delivery, Endpoint, PrivateNetwork
from tests import factories
from tradeops.core import configuration, events
from tradeops.core.events import Event

SECRET = "secret-of-the-receiver"
NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
_numbers = itertools.count(1)


class Clock:
    def __init__(self, moment: datetime = NOW) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class ByHand:
    """The sender's rounds, one at a time. Nothing runs between two calls, so a test may read the rows there."""

    def __init__(self, clock: Clock, **options) -> None:
        self.clock = clock
        self._runner = asyncio.Runner()
        self.sender = self._runner.run(self._make(options))

    async def _make(self, options) -> Sender:
        return Sender(now=self.clock, jitter=lambda low, high: 1.0, **options)

    def start(self) -> None:
        """Claims and sends, and does not wait for answers."""
        self._runner.run(self.sender.turn())

    def round(self) -> None:
        """Claims what is due, waits for the answers and writes them."""
        self._runner.run(self._round())

    async def _round(self) -> None:
        await self.sender.turn()
        await self.sender.in_flight()
        await self.sender._write_results()

    def drain(self) -> None:
        self._runner.run(self.sender.drain())

    def close(self) -> None:
        self._runner.run(self._close())
        self._runner.close()

    async def _close(self) -> None:
        for task in list(self.sender._tasks):
            task.cancel()
        await self.sender.in_flight()
        await self.sender.close()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def by_hand(clock, transactional_db, loopback):
    made = ByHand(clock)
    yield made
    made.close()


@pytest.fixture
def make_sender(clock, transactional_db, loopback):
    """More senders, each as another host would run it."""
    made = []

    def make(**options):
        made.append(ByHand(clock, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def loopback(transactional_db):
    """The operator has allowed the loopback network."""
    PrivateNetwork.objects.create(cidr="127.0.0.0/8")
    configuration.changed()


@pytest.fixture
def published(monkeypatch):
    """Every event that is published, in order."""
    found: list[Event] = []
    monkeypatch.setattr(events, "_listeners", [("*", found.append)])
    return found


def endpoint(server, slug="vps-1", **fields) -> Endpoint:
    row = factories.endpoint(slug, url=getattr(server, "url", server), secret=SECRET, **fields)
    configuration.changed()
    return row


def send(*endpoints, data=None, lane="trend|BTC/USDT", seconds=60, at=NOW, **fields) -> list[Delivery]:
    """What the pipeline does for an approved signal; the rows of its deliveries."""
    number = next(_numbers)
    signal = fields.pop("signal", f"0195-{number:04d}")
    event = Event(
        name="signal.approved",
        at=at,
        title="trend: buy BTC/USDT was approved",
        signal=signal,
        strategy="trend",
        symbol="BTC/USDT",
        request_id=f"{number:032x}",
        body={
            "data": {"symbol": "BTCUSDT", "action": "buy", "strategy": "trend", **(data or {})},
            "raw": {"ticker": "BTCUSDT"},
        },
    )
    options = {"type": "signal", "subject": signal, "reduces": False, **fields}
    message = services.relay(
        event=event,
        lane=lane,
        endpoints=[services.Target(endpoint_id=each.pk, dry_run=options.pop("dry_run", False)) for each in endpoints],
        expires_at=at + timedelta(seconds=seconds),
        now=at,
        **options,
    )
    return list(message.deliveries.order_by("pk"))


def fresh(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)
