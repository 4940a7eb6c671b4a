"""Bridge reports, `POST /webhook/execution` (L5): who may send them, and in what form."""

import hashlib
import hmac
import json
import secrets
from contextlib import nullcontext
from datetime import timedelta

import pytest

from signals.intake.report.authenticate import check_fresh
from signals.models import BridgeReport, Signal
from tests import factories
from tests.intake.bridge import PATH, Bridge, fill, told
from tests.intake.conftest import refusals
from tradeops.core import clock
from tradeops.core.errors import InvalidPayload

pytestmark = pytest.mark.django_db


class TestProof:
    def test_every_failure_is_the_same_and_none_is_stored(self, bridge, relayed):
        content = bridge.content(order=relayed.public_id, status="open")
        Bridge(bridge.portal, "vps-2")
        factories.endpoint("vps-3")  # has no report secret
        answers = [
            bridge.send(content, secret=secrets.token_urlsafe(24)),
            bridge.send({**content, "endpoint": "vps-2"}),
            bridge.send({**content, "endpoint": "vps-3"}),
            bridge.send({**content, "endpoint": "nobody"}),
            bridge.send({**content, "endpoint": ["vps-1"]}),
            bridge.send(content, secret=bridge.endpoint.secret),  # what messages are signed with
            bridge.send(b"{"),
            bridge.portal.post(PATH, content),
        ]
        for sent in answers:
            assert sent.status == 401
            assert sent.content.replace(sent.body["request_id"].encode(), b"") == (
                b'{"status":"REFUSED","code":"unauthorized","request_id":""}'
            )
        assert not BridgeReport.objects.exists()
        assert told() == []
        assert {(row.path, row.reason) for row in refusals()} == {
            (PATH, "wrong_credential"), (PATH, "unknown_endpoint"),
        }  # fmt: skip

    def test_failures_are_charged(self, bridge):
        statuses = [bridge.send(secret=secrets.token_urlsafe(24), status="open").status for _ in range(11)]
        assert statuses == [401] * 10 + [429]

    def test_a_bridge_has_a_limit_and_others_their_own(self, bridge, relayed, settings):
        settings.REPORTS_PER_MINUTE = 2
        content = {"order": relayed.public_id, "status": "open"}
        answers = [bridge.send(**content) for _ in range(3)]
        assert [sent.status for sent in answers] == [201, 201, 429]
        assert int(answers[2].headers["Retry-After"]) > 0
        assert Bridge(bridge.portal, "vps-2").send(**content).status == 404

    def test_who_is_unknown_costs_no_query(self, bridge, django_assert_num_queries):
        bridge.send(status="open")  # what every process keeps is there
        with django_assert_num_queries(0):
            assert bridge.send({"endpoint": "nobody"}).status == 401
            assert bridge.send(secret=secrets.token_urlsafe(24), status="open").status == 401

    def test_the_standard_headers_prove_it_too_and_their_id_counts(self, bridge, relayed):
        content = {"order": relayed.public_id, "status": "open"}
        assert bridge.send_standard(content).status == 201
        again = bridge.send_standard(content)
        assert (again.status, again.body["id"]) == (200, "msg_1")
        assert bridge.send_standard(content, id="msg_2").status == 201

    @pytest.mark.parametrize(("seconds", "fresh"), [(-299, True), (299, True), (-301, False), (301, False)])
    def test_fresh_is_within_five_minutes(self, seconds, fresh):
        now = factories.NOW
        with nullcontext() if fresh else pytest.raises(InvalidPayload, match="more than 5 minutes"):
            check_fresh(now + timedelta(seconds=seconds), now=now)

    @pytest.mark.parametrize("minutes", [-6, 6])
    def test_an_old_report_is_refused_whichever_way_it_is_signed(self, bridge, relayed, minutes):
        at = clock.now() + timedelta(minutes=minutes)
        content = bridge.content(order=relayed.public_id, status="open")
        answers = [
            bridge.send({**content, "timestamp": clock.iso_ms(at)}),
            bridge.send_standard({**content, "timestamp": clock.iso_ms(clock.now())}, at=at),  # the signed time counts
        ]
        assert [(sent.status, sent.body["field"]) for sent in answers] == [(400, "timestamp")] * 2
        assert not BridgeReport.objects.exists()

    @pytest.mark.parametrize("missing", ["id", "timestamp"])
    def test_without_the_headers_the_body_says_id_and_time(self, bridge, relayed, missing):
        content = bridge.content(order=relayed.public_id, status="open")
        del content[missing]
        sent = bridge.send(content)
        assert (sent.status, sent.body["field"]) == (400, missing)
        assert not BridgeReport.objects.exists()

    def test_a_signature_of_other_bytes_or_another_spelling_is_none(self, bridge, relayed):
        content = bridge.content(order=relayed.public_id, status="open")
        body = json.dumps(content).encode()
        signature = hmac.new(bridge.secret.encode(), body, hashlib.sha256).hexdigest()
        post = bridge.portal.post
        assert post(PATH, body + b" ", x_webhook_signature=signature).status == 401
        assert post(PATH, body, x_webhook_signature=signature.upper()).status == 401
        assert bridge.send_standard(content, signature="v1,").status == 401
        assert post(PATH, body, x_webhook_signature=f"sha256={signature}").status == 201

    def test_a_source_named_execution_cannot_shadow_it(self, bridge, relayed):
        assert bridge.send(order=relayed.public_id, status="open", path=f"{PATH}/").status == 201


HOSTILE = {
    "not json": b"{",
    "a list": b"[]",
    "no utf-8": b"\xff\xfe",
    "deep": b"[" * 9000,
}


class TestContent:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_hostile_body_is_a_400_for_who_is_known(self, bridge, name):
        body = HOSTILE[name]
        signature = hmac.new(bridge.secret.encode(), body, hashlib.sha256).hexdigest()
        sent = bridge.portal.post(PATH, body, x_webhook_signature=signature, x_webhook_endpoint="vps-1")
        assert sent.status == 400
        assert bridge.portal.post(PATH, body, x_webhook_endpoint="vps-1").status == 401

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"order": None}, "order"),
            ({"order": 5}, "order"),
            ({"status": None}, "status"),
            ({"status": "done"}, "status"),
            ({"status": "filled"}, "fills"),
            ({"status": "filled", "fills": {}}, "fills"),
            ({"status": "filled", "fills": ["t1"]}, "fills[0]"),
            ({"status": "filled", "fills": [fill(quantity="0")]}, "fills[0].quantity"),
            ({"status": "filled", "fills": [fill(price="NaN")]}, "fills[0].price"),
            ({"status": "filled", "fills": [{"quantity": "1", "price": "1"}]}, "fills[0].trade_id"),
            ({"status": "filled", "fills": [fill(), fill()]}, "fills"),
            ({"status": "filled", "fills": [fill(str(n)) for n in range(201)]}, "fills"),
            ({"side": "long"}, "side"),
            ({"filled_quantity": -1}, "filled_quantity"),
            ({"error": "no"}, "error"),
            ({"timestamp": "yesterday"}, "timestamp"),
        ],
    )
    def test_the_field_and_the_reason_are_told(self, bridge, relayed, fields, field):
        sent = bridge.send(bridge.content(**{"order": relayed.public_id, "status": "open", **fields}))
        assert (sent.status, sent.body["field"]) == (400, field)
        assert not BridgeReport.objects.exists()

    def test_a_body_that_is_too_large_is_not_read(self, bridge):
        assert bridge.send(b"{" + b" " * 70_000).status == 413

    def test_it_is_sent_with_post(self, bridge):
        assert bridge.portal.client.get(PATH).status_code == 405
        assert Signal.objects.count() == 0
