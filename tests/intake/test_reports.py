"""Bridge reports, `POST /webhook/execution` (L5): who may send them, what they may touch, what they leave behind."""

import base64
import hashlib
import hmac
import json
import secrets
from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import Account
from relay import services as relay
from relay.models import Delivery, Message
from signals import trace, verdict, visibility
from signals.intake.report.authenticate import check_fresh
from signals.models import BridgeReport, Fill, Order, Position, Signal, Strategy
from signals.pipeline.drain import drain
from tests import factories
from tests.intake.conftest import refusals
from tradeops.core import clock, configuration, events
from tradeops.core.errors import InvalidPayload

D = Decimal
PATH = "/webhook/execution"
pytestmark = pytest.mark.django_db


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


def deliver(bridge, order):
    """As the mt5 broker sends an order: under its client order id."""
    relay.relay(
        event=events.Event(name="order.relayed", at=clock.now(), title="an order", symbol=order.symbol),
        subject=order.client_order_id, type="order", lane="", endpoints=[relay.Target(endpoint_id=bridge.endpoint.pk)],
        reduces=False, expires_at=clock.now() + timedelta(seconds=60), now=clock.now(),
    )  # fmt: skip
    return order


@pytest.fixture
def order(bridge):
    """A SUBMITTED order to buy 0.01 that was delivered to the bridge."""
    account, strategy = factories.account(), factories.strategy("mt5")
    return deliver(
        bridge,
        factories.order(account, strategy, status="SUBMITTED", sent_quantity=D("0.01"), claim_token="w:1:x.1"),
    )


def fill(trade="t1", quantity="0.01", price="50000", **fields):
    return {"trade_id": trade, "quantity": quantity, "price": price, **fields}


def told():
    """Of reports and orders; not what was relayed."""
    news = Message.objects.filter(deliveries__isnull=True).exclude(event__startswith="signal.")
    return list(news.order_by("pk").values_list("event", "level"))


class TestARelayedSignal:
    def test_its_report_is_kept_told_and_books_nothing(self, bridge, relayed):
        sent = bridge.send(order=relayed.public_id, status="filled", side="buy", fills=[fill()])
        assert sent.status == 201
        assert list(sent.body) == ["status", "id", "order", "result", "request_id", "processing_time_ms"]
        assert (sent.body["status"], sent.body["id"], sent.body["order"], sent.body["result"]) == (
            "ACCEPTED", "r1", relayed.public_id, "kept",
        )  # fmt: skip
        row = BridgeReport.objects.get()
        assert (row.signal_id, row.order_id, row.status, row.symbol, row.filled_quantity, row.price) == (
            relayed.pk, None, "filled", "BTC/USDT", D("0.01"), D(50000),
        )  # fmt: skip
        assert row.fills == [{"trade_id": "t1", "quantity": "0.01", "price": "50000", "fee": "0", "fee_currency": ""}]
        assert told() == [("execution.filled", "info")]
        message = Message.objects.get(event="execution.filled")
        assert message.title == "vps-1 reports filled: buy BTC/USDT 0.01 at 50000"
        assert (message.signal, message.strategy) == (relayed.public_id, "trend")
        assert not Order.objects.exists()
        assert not Position.objects.exists()

    def test_a_rejection_is_an_error_with_its_reason(self, bridge, relayed):
        error = {"code": 10019, "message": "There is not enough money"}
        assert bridge.send(order=relayed.public_id, status="rejected", error=error).status == 201
        row = BridgeReport.objects.get()
        assert (row.code, row.message) == ("10019", "There is not enough money")
        assert told() == [("execution.rejected", "error")]
        assert Message.objects.get(event="execution.rejected").title.endswith("BTC/USDT: There is not enough money")

    def test_the_same_report_again_is_a_duplicate(self, bridge, relayed):
        content = bridge.content(order=relayed.public_id, status="open")
        assert bridge.send(content).status == 201
        again = bridge.send({**content, "timestamp": clock.iso_ms(clock.now() + timedelta(seconds=1))})
        assert (again.status, again.body["status"], again.body["result"]) == (200, "DUPLICATE", "kept")
        assert BridgeReport.objects.count() == 1
        assert told() == [("execution.open", "info")]

    def test_another_report_under_a_used_id_is_refused_and_told(self, bridge, relayed):
        content = bridge.content(order=relayed.public_id, status="open")
        bridge.send(content)
        sent = bridge.send({**content, "status": "canceled"})
        assert (sent.status, sent.body["code"]) == (409, "id_used")
        assert BridgeReport.objects.get().status == "open"
        assert told()[1:] == [("execution.refused", "warning")]


class TestAnOrderOfOurs:
    def test_its_fills_are_booked_as_any_venue_s(self, bridge, order):
        sent = bridge.send(
            order=order.client_order_id, status="filled", side="buy", fills=[fill(fee="0.5", fee_currency="usdt")]
        )
        assert (sent.status, sent.body["result"]) == (201, "applied")
        order.refresh_from_db()
        assert (order.status, order.filled_quantity, order.average_price) == ("FILLED", D("0.01"), D(50000))
        assert [(row.trade_id, row.fee, row.fee_currency) for row in Fill.objects.all()] == [("t1", D("0.5"), "USDT")]
        position = Position.objects.get()
        assert (position.side, position.quantity, position.fees) == ("long", D("0.01"), D("0.5"))
        assert told() == [("order.filled", "info")]
        assert list(order.steps.values_list("step", "detail")) == [("filled", "0.01 at 50000 (bridge report)")]

    def test_partial_fills_count_once_however_often_they_are_told(self, bridge, order):
        first = fill("t1", "0.004")
        bridge.send(order=order.client_order_id, status="partially_filled", fills=[first])
        bridge.send(order=order.client_order_id, status="partially_filled", fills=[first])
        bridge.send(order=order.client_order_id, status="filled", fills=[first, fill("t2", "0.006", "50100")])
        order.refresh_from_db()
        assert (order.status, order.filled_quantity, order.average_price) == ("FILLED", D("0.01"), D("50060"))
        assert Fill.objects.count() == 2
        assert list(BridgeReport.objects.order_by("pk").values_list("result", flat=True)) == [
            "applied", "unchanged", "applied",
        ]  # fmt: skip

    def test_a_rejection_ends_it(self, bridge, order):
        bridge.send(
            order=order.client_order_id, status="rejected", error={"code": "10018", "message": "Market is closed"}
        )
        order.refresh_from_db()
        assert (order.status, order.code, order.message) == ("REJECTED", "10018", "Market is closed")
        assert told() == [("order.rejected", "error")]

    def test_an_old_report_changes_nothing(self, bridge, order):
        bridge.send(order=order.client_order_id, status="filled", fills=[fill()])
        sent = bridge.send(order=order.client_order_id, status="open")
        assert (sent.status, sent.body["result"]) == (201, "unchanged")
        order.refresh_from_db()
        assert order.status == "FILLED"

    @pytest.mark.parametrize(
        ("fields", "field", "code", "level"),
        [
            ({"status": "filled", "fills": [fill(quantity="0.0101")]}, "fills", "overfilled", "critical"),
            ({"status": "filled", "fills": [fill()], "side": "sell"}, "side", "invalid_payload", "critical"),
            ({"status": "filled", "filled_quantity": "0.01", "price": "1"}, "fills", "invalid_payload", "critical"),
        ],
    )
    def test_what_contradicts_it_is_not_booked_and_somebody_is_called(self, bridge, order, fields, field, code, level):
        sent = bridge.send(order=order.client_order_id, **fields)
        assert (sent.status, sent.body["field"], sent.body["code"]) == (400, field, code)
        assert not Fill.objects.exists()
        assert not BridgeReport.objects.exists()
        order.refresh_from_db()
        assert order.status == "SUBMITTED"
        assert told() == [("execution.refused", level)]

    def test_fills_over_several_reports_may_not_exceed_it_either(self, bridge, order):
        bridge.send(order=order.client_order_id, status="partially_filled", fills=[fill("t1", "0.006")])
        assert bridge.send(order=order.client_order_id, status="filled", fills=[fill("t2", "0.006")]).status == 400
        assert Fill.objects.get().quantity == D("0.006")

    def test_a_trade_of_another_order_is_not_taken(self, bridge, order):
        other = deliver(bridge, factories.order(order.account, order.strategy, number=2, status="SUBMITTED"))
        bridge.send(order=order.client_order_id, status="filled", fills=[fill()])
        assert bridge.send(order=other.client_order_id, status="filled", fills=[fill()]).status == 400
        other.refresh_from_db()
        assert other.status == "SUBMITTED"


class TestWhatItMayTouch:
    def test_only_what_was_sent_to_it_and_nothing_tells_what_else_there_is(self, bridge, order, relayed):
        stranger = Bridge(bridge.portal, "vps-2")
        order.refresh_from_db()
        before = order.status
        answers = [
            stranger.send(order=id, status="filled", fills=[fill()])
            for id in (order.client_order_id, relayed.public_id, "no-such-order")
        ]
        for sent in answers:
            assert (sent.status, sent.body["code"]) == (404, "unknown_order")
            assert sent.body["reason"] == "nothing was sent to this endpoint under this id"
            assert set(sent.body) == {"status", "code", "reason", "request_id"}
        order.refresh_from_db()
        assert order.status == before
        assert not Fill.objects.exists()
        assert not BridgeReport.objects.exists()

    def test_its_operator_is_told_once_a_minute(self, bridge):
        for number in range(3):
            bridge.send(order=f"no-such-order-{number}", status="filled", fills=[fill()])
        assert told() == [("execution.refused", "critical")]

    def test_a_delivery_that_never_left_is_not_its_own(self, bridge, relayed):
        Delivery.objects.update(status="DEAD", tries=0)
        assert bridge.send(order=relayed.public_id, status="open").status == 404

    def test_one_that_is_switched_off_still_reports_what_it_has_traded(self, bridge, relayed):
        bridge.endpoint.active = False
        bridge.endpoint.save()
        configuration.changed()
        assert bridge.send(order=relayed.public_id, status="filled", fills=[fill()]).status == 201

    def test_a_retired_one_does_not(self, bridge, relayed):
        bridge.endpoint.retired_at = clock.now()
        bridge.endpoint.save()
        configuration.changed()
        assert bridge.send(order=relayed.public_id, status="filled", fills=[fill()]).status == 401


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


class TestWhereItIsShown:
    def test_the_trace_and_the_sentence_tell_of_it(self, bridge, relayed):
        bridge.send(order=relayed.public_id, status="partially_filled", side="buy", fills=[fill(quantity="0.004")])
        bridge.send(order=relayed.public_id, status="canceled", error={"message": "by the dealer"})
        found = trace.of(relayed.public_id)
        shown = [(row["endpoint"], row["status"], row["filled_quantity"], row["result"]) for row in found["executions"]]
        assert shown == [("vps-1", "partially_filled", "0.004", "kept"), ("vps-1", "canceled", None, "kept")]
        [traded] = [moment for moment in found["timeline"] if moment["stage"] == "filled"]
        assert traded["detail"] == "vps-1, as it reports: 0.004 at 50000"
        assert verdict.why(found) == (
            "It did not trade: no account is attached to its strategy; it was only relayed. "
            "vps-1 reports it canceled: by the dealer."
        )
        assert "vps-1 reports it canceled: by the dealer." in verdict.problems(found)

    def test_a_fill_that_is_booked_is_one_moment_and_not_two(self, bridge, order):
        order.signal = factories.signal(order.strategy)
        order.save()
        bridge.send(order=order.client_order_id, status="filled", fills=[fill()])
        found = trace.of(order.signal.public_id)
        assert [row["client_order_id"] for row in found["executions"]] == [order.client_order_id]
        assert len([moment for moment in found["timeline"] if moment["stage"] == "filled"]) == 1

    def test_people_see_those_of_their_own(self, bridge, relayed, client):
        bridge.send(order=relayed.public_id, status="open")
        mine = factories.account("mine", client=factories.client("mine"))
        assert not visibility.reports(Account.objects.filter(pk=mine.pk)).exists()
        relayed_by = Strategy.objects.get(slug="trend")
        relayed_by.accounts.add(mine)
        assert visibility.reports(Account.objects.filter(pk=mine.pk)).count() == 1
        assert visibility.reports(None).count() == 1
