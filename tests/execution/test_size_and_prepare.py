"""How much is sent, and what is made ready before: rounding, bounds, leverage, dry runs (X3, X8)."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from accounts.brokers.base import BrokerRejected, BrokerTemporary, BrokerUnknown, Quote
from signals.execution import orders, submit
from signals.models import Fill, Order, OrderAnswer
from tests import factories
from tests.fakes.scripted_broker import rests

D = Decimal
pytestmark = pytest.mark.django_db


def now():
    return datetime.now(UTC)


def send(order, again):
    submit.submit(again(order))
    return again(order)


class TestBounds:
    def test_down_to_the_lot_never_up(self, full, strategy, venue, again):
        order = send(factories.order(full, strategy, quantity=D("0.0129999")), again)
        assert (order.sent_quantity, venue.received[0].quantity) == (D("0.012"), D("0.012"))

    def test_the_venues_maximum_for_one_order(self, full, strategy, venue, again):
        venue.maximum = D("0.004")
        order = send(factories.order(full, strategy), again)
        assert order.sent_quantity == D("0.004")
        assert order.steps.get(step="max_size").detail == "the venue takes at once 0.004"

    def test_funds_that_allow_nothing(self, full, strategy, venue, again):
        venue.cap = D("0.0004")
        order = send(factories.order(full, strategy), again)
        assert (order.status, order.code) == ("REJECTED", "below_minimum")
        assert order.message == "0 is below the venue's minimum of 0.001: the account's funds allow no more"
        assert venue.received == []

    def test_a_minimum_in_money(self, full, strategy, venue, again):
        venue.min_notional = D(501)
        order = send(factories.order(full, strategy), again)
        assert (order.status, order.code) == ("REJECTED", "below_minimum")
        assert order.message == "500 is below the venue's minimum of 501 USDT"
        assert venue.received == []

    def test_it_is_counted_at_the_orders_own_price(self, full, strategy, venue, again):
        venue.min_notional = D(501)
        venue.answers = [rests]
        order = send(factories.order(full, strategy, type="limit", price=D(50100)), again)
        assert order.status == "OPEN"

    def test_a_price_below_the_tick(self, full, strategy, venue, again):
        order = send(factories.order(full, strategy, type="limit", price=D("0.05")), again)
        assert (order.status, order.code) == ("REJECTED", "bad_price")
        assert venue.received == []

    def test_every_step_has_its_time(self, full, strategy, again):
        order = send(factories.order(full, strategy), again)
        found = list(order.steps.order_by("id"))
        assert [row.step for row in found] == [
            "pair", "instrument", "max_size", "size", "round", "client_order_id", "prepare", "sent", "filled",
        ]  # fmt: skip
        assert found[0].detail == "BTC/USDT → BTC-USDT"
        assert found[1].detail == "lot 0.001, tick 0.1, min 0.001"
        assert sorted(row.at for row in found) == [row.at for row in found]


class TestTheQuoteItWasDecidedOn:
    def test_it_is_read_as_it_was_stored(self, full, strategy, again):
        told = Quote(
            symbol="BTC/USDT", bid=D("49999.5"), ask=D(50000), last=D("49999.9"), at=factories.NOW, source="okx",
            bid_size=D("0.00000001"), ask_size=D("12.5"), volume=D("1e6"), volatility=D("0.03"),
        )  # fmt: skip
        order = again(factories.order(full, strategy, quote=orders.quote_to_json(told)))
        assert orders.quote_of(order) == told

    def test_what_was_not_told_is_none(self, full, strategy, again):
        told = factories.quote()
        assert orders.quote_of(again(factories.order(full, strategy, quote=orders.quote_to_json(told)))) == told
        assert (told.bid_size, told.ask_size) == (None, None)


class TestPrepare:
    @pytest.fixture
    def swap(self, venue):
        return factories.account("swap-1", broker="full", sandbox=True, market="swap", margin_mode="isolated")

    def test_leverage_is_set_before_the_send_is_claimed(self, swap, strategy, venue, again):
        order = factories.order(swap, strategy, leverage=D("5.0"))
        send(order, again)
        [request] = venue.prepared
        assert (request.leverage, request.margin_mode, request.send_expires_at) == (D(5), "isolated", None)
        assert again(order).steps.get(step="prepare").detail == "leverage 5, isolated"

    def test_what_cannot_be_set_is_a_rejection_and_nothing_is_sent(self, swap, strategy, venue, again):
        venue.prepare_error = BrokerRejected("the account hedges", code="position_mode", venue_code="51000")
        order = send(factories.order(swap, strategy), again)
        assert (order.status, order.code, order.venue_code) == ("REJECTED", "position_mode", "51000")
        assert venue.received == []

    @pytest.mark.parametrize("error", [BrokerTemporary("busy"), BrokerUnknown("no answer")])
    def test_setting_it_again_is_safe(self, swap, strategy, venue, again, error):
        venue.prepare_error = error
        order = send(factories.order(swap, strategy), again)
        assert (order.status, order.tries) == ("PENDING", 1)
        assert venue.received == []

    def test_an_exit_goes_with_what_is_set(self, full, strategy, venue, again):
        venue.prepare_error = BrokerRejected("no")
        factories.order(full, strategy, number=1)
        from signals.models import Position

        Position.objects.create(
            strategy=strategy, account=full, symbol="BTC/USDT", side="long", quantity=D(1), is_open=True,
            updated_at=now(),
        )  # fmt: skip
        order = send(factories.order(full, strategy, number=2, intent="close", side="sell"), again)
        assert order.status == "FILLED"
        assert venue.prepared == []

    def test_nothing_is_asked_or_set_at_a_real_venue_that_is_not_armed(self, venue, strategy, again):
        real = factories.account("real", broker="full", sandbox=False)
        order = send(factories.order(real, strategy), again)
        assert (order.status, order.code) == ("REJECTED", "not_armed")
        assert (venue.prepared, venue.asked_for_maximum, venue.received) == ([], [], [])


class TestErrors:
    def test_final_has_both_codes_and_a_sentence_and_the_venues_words(self, full, strategy, venue, again, told):
        venue.answers = [
            BrokerRejected("not enough USDT", code="insufficient_funds", venue_code="51008", raw='{"sCode": "51008"}')
        ]
        order = send(factories.order(full, strategy), again)
        assert (order.code, order.venue_code, order.message) == ("insufficient_funds", "51008", "not enough USDT")
        kept = OrderAnswer.objects.get()
        assert (kept.call, kept.outcome, kept.body) == ("place", "insufficient_funds", '{"sCode": "51008"}')
        assert told() == [("order.rejected", "error")]

    def test_temporary_keeps_the_venues_code_too(self, full, strategy, venue, again):
        venue.answers = [BrokerTemporary("busy", venue_code="50013", retry_after=20)]
        order = send(factories.order(full, strategy), again)
        assert (order.status, order.venue_code) == ("PENDING", "50013")
        assert (order.due_at - now()).total_seconds() > 19


class TestDryRun:
    def test_a_venue_across_a_network_is_asked_but_nothing_is_set_or_sent(self, full, strategy, venue, again, told):
        order = send(factories.order(full, strategy, mode="dry_run"), again)
        assert (order.status, order.code) == ("CANCELED", "dry_run")
        assert order.message == "would be FILLED: would fill 0.01"
        assert (venue.prepared, venue.received) == ([], [])
        assert not Fill.objects.exists()
        assert told() == [("order.dry_run", "info")]

    def test_an_exit_is_not_tried_again(self, full, strategy, again):
        order = send(factories.order(full, strategy, mode="dry_run", intent="close", side="sell"), again)
        assert (order.status, order.code) == ("CANCELED", "dry_run")
        assert order.message == "would be REJECTED: there is nothing left to reduce"
        assert Order.objects.count() == 1
