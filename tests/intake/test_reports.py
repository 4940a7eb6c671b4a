"""Bridge reports, `POST /webhook/execution` (L5): what they touch and what they leave behind."""

from datetime import timedelta

import pytest

from accounts.models import Account
from relay.models import Delivery, Message
from signals import trace, verdict, visibility
from signals.models import BridgeReport, Fill, Order, Position, Strategy
from tests import factories
from tests.intake.bridge import Bridge, D, deliver, fill, told
from tradeops.core import clock, configuration

pytestmark = pytest.mark.django_db


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
