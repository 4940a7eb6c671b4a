"""I4: one test for each answer, in the order of the layers. I9: the answers' exact shape."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from signals.models import Signal
from tests.intake.conftest import ALERT, TRADINGVIEW_ADDRESS, refusals, stored

HEX_32 = re.compile(r"[0-9a-f]{32}\Z")


def test_a_new_message_is_201_with_exactly_the_fields_of_i9(portal):
    source = portal.source("tv")
    portal.strategy("trend", feeds=source)
    sent = portal.send("tv")
    assert sent.status == 201
    signal = Signal.objects.get()
    elapsed = sent.body.pop("processing_time_ms")
    assert isinstance(elapsed, int)
    assert 0 <= elapsed < 2000
    assert sent.body == {
        "status": "ACCEPTED",
        "signal_id": signal.public_id,
        "strategy": "trend",
        "experiment_id": None,
        "variant": None,
        "request_id": signal.request_id,
    }
    assert HEX_32.match(signal.request_id)
    assert sent.headers["X-Request-ID"] == signal.request_id
    assert int(sent.headers["Content-Length"]) == len(sent.content)
    assert sent.headers["Content-Type"] == "application/json"
    assert (signal.source, signal.status, signal.relay, signal.routes) == (source, "RECEIVED", "NONE", ["trend"])
    assert (signal.symbol, signal.action, signal.address) == ("BTCUSDT", "buy", "203.0.113.9")
    assert signal.data == {
        "symbol": "BTCUSDT",
        "action": "buy",
        "order_type": "market",
        "price": "67000.5",
        "quantity": "0.01",
    }
    assert signal.raw == ALERT
    assert refusals() == []


def test_a_repeat_is_200_with_the_first_ones_id_and_counts_on_it(portal):
    source = portal.source("tv")
    portal.strategy("trend", feeds=source)
    first, again = portal.send("tv"), portal.send("tv")
    assert (first.status, again.status) == (201, 200)
    again.body.pop("processing_time_ms")
    assert again.body == {
        "status": "DUPLICATE",
        "signal_id": first.body["signal_id"],
        "strategy": "trend",
        "experiment_id": None,
        "variant": None,
        "request_id": again.headers["X-Request-ID"],
    }
    assert again.body["request_id"] != first.body["request_id"]
    assert Signal.objects.get().repeats == 1


def test_the_accepted_path_is_two_statements_in_one_transaction(portal):
    portal.source("tv")
    portal.send("tv")  # fills this process's caches
    with CaptureQueriesContext(connection) as queries:
        portal.send("tv", {**ALERT, "id": "other"})
    statements = [one["sql"].split("(")[0].strip() for one in queries if "SAVEPOINT" not in one["sql"]]
    expected = ["INSERT INTO signals_dedupkey", 'INSERT INTO "signals_signal"']
    assert statements[:2] == expected
    assert len(statements) == (3 if connection.vendor == "postgresql" else 2)  # with pg_notify


def test_no_strategy_is_null_and_accepted(portal):
    portal.source("tv")
    assert portal.send("tv").body["strategy"] is None


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/webhook", "/webhook"),
        ("/webhook/tradingview/", "/webhook"),
        ("/webhook/tv", "/webhook/…"),
        ("/webhook/tv/some-token", "/webhook/…/…"),
    ],
)
def test_another_method_is_405_with_allow(portal, method, path, logged):
    portal.source("tv")
    sent = portal.read(portal.client.generic(method, path))
    assert (sent.status, sent.headers["Allow"]) == (405, "POST")
    if method != "HEAD":
        assert sent.body["code"] == "method_not_allowed"
    [row] = refusals()
    assert (row.outcome, row.reason, row.path) == (405, "method_not_allowed", logged)


def test_65_kib_is_413_before_anything_is_read(portal):
    portal.source("tv")
    sent = portal.send("tv", b"x" * (64 * 1024 + 1))
    assert (sent.status, sent.body["code"]) == (413, "too_large")
    [row] = refusals()
    assert (row.outcome, row.reason, row.size, row.source_slug) == (413, "too_large", 0, "")
    assert stored() == (0, 0)


def test_64_kib_exactly_is_read(portal):
    portal.source("tv")
    frame = b'{"symbol":"BTCUSDT","action":"buy","note":""}'
    body = frame.replace(b'""', b'"' + b"x" * (64 * 1024 - len(frame)) + b'"')
    assert len(body) == 64 * 1024
    assert portal.send("tv", body).status == 201


def test_an_address_outside_the_allow_list_is_403_before_the_secret(portal):
    portal.source("tv", allowed_ips=["198.51.100.0/24"])
    for headers in ({"x_webhook_token": portal.secret["tv"]}, {"x_webhook_token": "wrong-wrong-wrong"}, {}):
        sent = portal.post("/webhook/tv", ALERT, address="203.0.113.9", **headers)
        assert sent.status == 403
        assert sent.body == {"status": "REFUSED", "code": "forbidden", "request_id": sent.headers["X-Request-ID"]}
    assert stored() == (0, 0)
    assert {(row.outcome, row.reason, row.source_slug) for row in refusals()} == {(403, "address_not_allowed", "tv")}


def test_the_word_tradingview_admits_its_addresses_only(portal):
    portal.source("tv", allowed_ips=["tradingview"])
    assert portal.send("tv", address="203.0.113.9").status == 403
    assert portal.send("tv", address=f"::ffff:{TRADINGVIEW_ADDRESS}").status == 201


def test_an_unreadable_entry_of_the_allow_list_admits_nobody(portal):
    portal.source("tv", allowed_ips=["nonsense"])
    assert portal.send("tv").status == 403


def test_a_wrong_token_is_401_and_says_nothing_more(portal):
    portal.source("tv")
    sent = portal.post("/webhook/tv", ALERT, x_webhook_token="wrong-wrong-wrong")
    assert sent.status == 401
    assert sent.body == {"status": "REFUSED", "code": "unauthorized", "request_id": sent.headers["X-Request-ID"]}
    assert stored() == (0, 0)


def test_payload_errors_are_told_only_after_authentication(portal):
    portal.source("tv")
    stranger = portal.post("/webhook/tv", "{", x_webhook_token="wrong-wrong-wrong")
    known = portal.send("tv", "{")
    assert (stranger.status, "reason" in stranger.body) == (401, False)
    assert known.status == 400
    assert known.body["reason"].startswith("not valid JSON: ")


def test_400_names_the_field_and_the_reason(portal):
    portal.source("tv")
    sent = portal.send("tv", {**ALERT, "quantity": "-1"})
    assert sent.status == 400
    assert sent.body == {
        "status": "REFUSED",
        "code": "invalid_payload",
        "field": "quantity",
        "reason": "must be greater than 0",
        "request_id": sent.headers["X-Request-ID"],
    }
    [row] = refusals()
    assert (row.reason, row.detail, row.source_slug) == ("invalid_payload", "quantity: must be greater than 0", "tv")
    assert stored() == (0, 0)


def test_over_the_sources_limit_is_429_with_retry_after(portal):
    portal.source("tv", rate_limit=2)
    assert [portal.send("tv", {**ALERT, "id": str(n)}).status for n in range(2)] == [201, 201]
    sent = portal.send("tv", {**ALERT, "id": "2"})
    assert (sent.status, sent.body["code"]) == (429, "rate_limited")
    assert 1 <= int(sent.headers["Retry-After"]) <= 60
    assert stored() == (2, 2)


def test_the_limit_comes_before_the_payload(portal):
    portal.source("tv", rate_limit=1)
    portal.send("tv")
    assert portal.send("tv", "{").status == 429


def test_no_limit_is_no_limit(portal):
    portal.source("tv", rate_limit=0)
    assert {portal.send("tv").status for _ in range(20)} == {200, 201}


@pytest.mark.parametrize("path", ["/webhookx", "/webhook-test"])
def test_a_path_beside_the_webhooks_is_not_a_webhook(portal, path):
    assert portal.post(path, ALERT).status == 404


def test_the_paths_work_with_and_without_the_last_slash_and_never_redirect(portal):
    portal.source("tv")
    token = portal.secret["tv"]
    paths = ["/webhook", "/webhook/tradingview", "/webhook/tv", f"/webhook/tv/{token}"]
    for number, path in enumerate(item for base in paths for item in (base, base + "/")):
        assert portal.post(path, {**ALERT, "id": str(number), "token": token}).status == 201, path


@pytest.mark.parametrize("path", ["/webhook/test", "/webhook/test/"])
def test_the_test_address_answers_to_get(portal, path):
    sent = portal.read(portal.client.get(path))
    assert sent.status == 200
    assert list(sent.body) == ["status", "message", "timestamp"]
    assert sent.body["status"] == "ok"
    assert len(sent.headers["X-Request-ID"]) == 32
    refused = portal.post(path, ALERT)
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("slug", ["test", "execution", "tradingview"])
def test_a_reserved_word_names_no_source(portal, slug):
    portal.source(slug)
    sent = portal.post(f"/webhook/{slug}/{portal.secret[slug]}", ALERT)
    assert sent.status == 401


def test_a_body_in_chunks_without_a_length_is_read_and_bounded(portal):
    import io

    portal.source("tv")
    line = b"buy BTCUSDT qty=0.01"
    for body, status in ((line, 201), (b"x" * (64 * 1024 + 1), 413)):
        request = {
            "CONTENT_LENGTH": "",
            "HTTP_TRANSFER_ENCODING": "chunked",
            "HTTP_X_WEBHOOK_TOKEN": portal.secret["tv"],
            "wsgi.input": io.BytesIO(body),
        }
        sent = portal.read(portal.client.generic("POST", "/webhook/tv", b"", **request))
        assert sent.status == status


def test_a_hostile_accept_header_does_not_turn_a_sender_away(portal):
    portal.source("tv")
    assert portal.send("tv", accept="text/html;q=nonsense").status == 201


def test_a_bug_is_a_500_in_json_with_the_request_id(portal, monkeypatch):
    from signals.intake import services

    monkeypatch.setattr(services, "accept", lambda _arrival: 1 / 0)
    sent = portal.post("/webhook", ALERT)
    assert sent.status == 500
    assert sent.body == {"status": "REFUSED", "code": "error", "request_id": sent.headers["X-Request-ID"]}
