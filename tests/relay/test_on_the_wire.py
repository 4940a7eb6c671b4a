"""L2: what a receiver gets, byte for byte."""

import base64
import hashlib
import hmac
import json

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from relay.models import Attempt, Delivery
from tests.fakes.receivers import Server
from tradeops.core import clock as real_clock

from .conftest import NOW, SECRET, endpoint, fresh, send


@pytest.fixture
def server():
    with Server() as running:
        yield running


def test_a_message_reaches_every_endpoint_with_the_same_id(by_hand, server):
    with Server() as other:
        first, second = send(endpoint(server, "vps-1"), endpoint(other, "vps-2"))
        by_hand.round()
        assert server.ids() == other.ids() == [first.subject]
    assert first.subject == second.subject
    for delivery in (fresh(first), fresh(second)):
        assert delivery.status == Delivery.Status.DELIVERED
        assert delivery.tries == 1
        assert delivery.claim_token == ""
        assert delivery.lease_until is None
        assert delivery.delivered_at >= NOW
        [attempt] = delivery.attempts.all()
        assert (attempt.status_code, attempt.answer, attempt.error) == (200, "ok", "")


def test_the_body_is_exactly_the_documented_one(by_hand, server):
    [delivery] = send(endpoint(server, symbols={"BTCUSDT": "BTCUSD.raw"}), dry_run=True)
    by_hand.round()
    [request] = server.requests
    assert request.path == "/webhook"
    assert request.json == {
        "id": delivery.subject,
        "type": "signal",
        "created_at": real_clock.iso_ms(NOW),
        "replay": False,
        "dry_run": True,
        "data": {"symbol": "BTCUSD.raw", "action": "buy", "strategy": "trend"},
        "raw": {"ticker": "BTCUSDT"},
    }


@pytest.mark.parametrize(
    ("symbols", "told"),
    [
        ({}, "BTCUSDT"),
        ({"BTC/USDT": "XBT"}, "XBT"),
        ({"BTCUSDT": "A", "BTC/USDT": "B"}, "A"),
        ({"ETH": "E"}, "BTCUSDT"),
    ],
)
def test_a_receivers_name_for_a_symbol_may_be_mapped_from_ticker_or_symbol(by_hand, server, symbols, told):
    send(endpoint(server, symbols=symbols))
    by_hand.round()
    assert server.requests[0].json["data"]["symbol"] == told


def test_the_signatures_are_those_of_the_exact_bytes(by_hand, server):
    [delivery] = send(endpoint(server))
    by_hand.round()
    [request] = server.requests
    assert request.headers["X-Webhook-Signature"] == hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    stamp = str(int(NOW.timestamp()))
    assert request.headers["webhook-id"] == delivery.subject
    assert request.headers["webhook-timestamp"] == stamp
    signed = f"{delivery.subject}.{stamp}.".encode() + request.body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize("secret", [SECRET, "whsec_" + base64.b64encode(b"k" * 24).decode()])
def test_the_reference_library_accepts_it_and_refuses_a_changed_one(make_sender, clock, server, secret):
    clock.moment = real_clock.now()  # the library looks at the wall clock
    row = endpoint(server)
    row.secret = secret
    row.save()
    send(row, at=clock.moment)
    make_sender().round()
    [request] = server.requests
    key = secret if secret.startswith("whsec_") else base64.b64encode(secret.encode()).decode()
    assert Webhook(key).verify(request.body, request.headers) == request.json
    with pytest.raises(WebhookVerificationError):
        Webhook(key).verify(request.body + b" ", request.headers)


def test_custom_headers_are_sent_but_never_in_place_of_ours(by_hand, server):
    custom = {"X-Desk": "7", "x-webhook-signature": "forged", "USER-AGENT": "curl", "Content-Type": "text/plain",
              "X-Request-Id": "mine", "Host": "elsewhere", "Content-Length": "1",
              "Transfer-Encoding": "chunked"}  # fmt: skip
    [delivery] = send(endpoint(server, headers=custom))
    by_hand.round()
    [request] = server.requests
    assert request.headers["X-Desk"] == "7"
    assert request.headers["User-Agent"] == "TradeOps"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Request-ID"] == delivery.message.request_id
    assert request.headers["Host"] == f"127.0.0.1:{server.port}"
    assert request.headers["Content-Length"] == str(len(request.body))
    assert "forged" not in request.headers.values()
    assert "Transfer-Encoding" not in request.headers


def test_a_header_that_cannot_be_sent_is_a_failed_try_and_not_a_crash(by_hand, server):
    sick, well = endpoint(server, "vps-1", headers={"X-Bad": "a\r\nX-Injected: 1"}), endpoint(server, "vps-2")
    bad, good = send(sick, well)
    by_hand.round()
    assert fresh(bad).status == Delivery.Status.RETRYING
    assert "headers" in Attempt.objects.get(delivery=bad).error
    assert fresh(good).status == Delivery.Status.DELIVERED
    assert len(server.requests) == 1


def test_any_text_can_be_sent(by_hand, server):
    text = "naïve 🚀 \u2028 </script> \ud83d"  # the last is a lone surrogate
    send(endpoint(server), data={"comment": text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")})
    by_hand.round()
    assert json.loads(server.requests[0].body)["data"]["comment"].startswith("naïve 🚀")


def test_no_secret_is_stored_with_an_attempt(by_hand, server):
    send(endpoint(server))
    by_hand.round()
    [attempt] = Attempt.objects.all()
    assert SECRET not in repr(attempt.__dict__)
    assert SECRET.encode() not in server.requests[0].body
