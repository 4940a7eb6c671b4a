"""I8: the same alert twice is one signal; a real repeat after its window is another."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from signals.models import DedupKey, Signal
from tests.intake.conftest import ALERT
from tradeops.core import clock, signing

START = datetime(2026, 11, 21, 10, 0, 0, 500000, tzinfo=UTC)


def _status_at(portal, seconds: float, body=None, slug="tv") -> int:
    with time_machine.travel(START + timedelta(seconds=seconds), tick=False):
        return portal.send(slug, body).status


def test_a_payload_repeated_after_its_window_is_accepted(portal):
    portal.source("tv", dedup_seconds=60, rate_limit=0)
    assert [_status_at(portal, at) for at in (0, 30, 59.9, 60, 61, 119.9, 120)] == [201, 200, 200, 201, 200, 200, 201]
    assert [one.repeats for one in Signal.objects.order_by("pk")] == [2, 2, 0]
    assert DedupKey.objects.count() == 1


def test_the_window_runs_from_the_first_and_is_not_prolonged(portal):
    portal.source("tv", dedup_seconds=2, rate_limit=0)
    assert [_status_at(portal, at) for at in (0, 1, 1.9, 2.1)] == [201, 200, 200, 201]


def test_an_id_is_remembered_for_30_days_whatever_else_the_message_says(portal):
    portal.source("tv", dedup_seconds=1)
    day = 86_400
    first, other = {**ALERT, "id": "a"}, {**ALERT, "id": "a", "price": 1}
    assert _status_at(portal, 0, first) == 201
    assert _status_at(portal, 30 * day - 1, other) == 200
    assert _status_at(portal, 30 * day, other) == 201
    assert _status_at(portal, 30 * day, {**ALERT, "id": "b"}) == 201


@pytest.mark.parametrize(
    "other",
    [
        b'{"quantity":0.010,"price":6.70005e4,"action":"buy","symbol":"BTCUSDT"}',
        b' {"symbol" : "BTCUSDT",\n "action":"buy", "price":67000.50, "quantity":1E-2 }',
        b'{"symbol":"BTCUSDT","action":"buy","price":67000.5,"quantity":0.01,"token":"whatever"}',
    ],
    ids=["order and spelling of numbers", "spaces", "credential"],
)
def test_spelling_makes_no_difference(portal, other):
    portal.source("tv")
    body = b'{"symbol":"BTCUSDT","action":"buy","price":67000.5,"quantity":0.01}'
    assert [portal.send("tv", body).status, portal.send("tv", other).status] == [201, 200]


@pytest.mark.parametrize(
    "change", [{"price": 67000.51}, {"action": "sell"}, {"mine": None}, {"timenow": "2026-11-21T10:00:01Z"}]
)
def test_any_other_content_is_another_message(portal, change):
    portal.source("tv")
    assert [portal.send("tv").status, portal.send("tv", {**ALERT, **change}).status] == [201, 201]


def test_another_source_has_its_own_messages(portal):
    portal.source("a")
    portal.source("b")
    assert [portal.send("a").status, portal.send("b").status] == [201, 201]
    assert DedupKey.objects.count() == 2


@pytest.mark.parametrize("mark", [{"id": "a"}, {"timestamp": "2026-11-21T10:00:00Z"}])
def test_a_used_signed_body_is_a_duplicate_for_ever(portal, mark):
    portal.source("quant", auth="hmac", dedup_seconds=1)
    body = json.dumps({**ALERT, **mark}).encode()
    answers = []
    for days in (0, 31, 3650):
        with time_machine.travel(START + timedelta(days=days), tick=False):
            answers.append(portal.post("/webhook/quant", body, x_webhook_signature=portal.sign("quant", body)))
    assert [one.status for one in answers] == [201, 200, 200]
    assert len({one.body["signal_id"] for one in answers}) == 1


def test_a_refused_message_takes_no_key(portal):
    portal.source("tv", require=["timeframe"])
    assert portal.send("tv").status == 400
    assert DedupKey.objects.count() == 0


class TestStandardWebhooks:
    """The id in the signed headers makes a message unique, whatever its body says."""

    def send(self, portal, message_id, **fields):
        body = json.dumps({**ALERT, **fields}).encode()
        signed = signing.webhook_headers(portal.secret["std"], message_id=message_id, body=body, now=clock.now())
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        return portal.post("/webhook/std", body, **{name.replace("-", "_"): signed[name] for name in names})

    def test_the_same_id_is_the_same_message_and_another_is_another(self, portal):
        portal.source("std", auth="standard")
        first = self.send(portal, "msg_1")
        again = self.send(portal, "msg_1", price=1)
        other = self.send(portal, "msg_2")
        assert [one.status for one in (first, again, other)] == [201, 200, 201]
        assert again.body["signal_id"] == first.body["signal_id"] != other.body["signal_id"]
        assert [row.data["sender_id"] for row in Signal.objects.order_by("pk")] == ["msg_1", "msg_2"]

    def test_an_id_in_the_body_does_not_stand_in_for_it(self, portal):
        portal.source("std", auth="standard")
        assert self.send(portal, "msg_1", id="a").status == 201
        assert self.send(portal, "msg_2", id="a").status == 201
        assert Signal.objects.order_by("pk").last().data["extra"] == {"id": "a"}
