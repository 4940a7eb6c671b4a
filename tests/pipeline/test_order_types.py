"""From the message's order type, leverage and exits to what the venue is asked for (X1, X2)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import TimeInForce
from signals.models import ExitPlan, Order, Position
from signals.pipeline.drain import drain
from tests import factories
from tests.fakes.scripted_broker import rests
from tradeops.core.money import OrderType

D = Decimal
pytestmark = pytest.mark.django_db


class Fixed:
    """Prices that stand at 50000 whatever the message says."""

    def quote(self, *, symbol, alert, account, received_at, now):
        return factories.quote("50000", at=now)


@pytest.fixture(autouse=True)
def _fixed_prices(settings):
    settings.PRICE_SOURCES = {**settings.PRICE_SOURCES, "fixed": f"{__name__}.Fixed"}


def settled(signal):
    drain()
    signal.refresh_from_db()
    return signal


def rules(signal):
    [decision] = factories.decisions(signal)
    return {rule["rule"]: rule for rule in decision.rules}


def asked(venue, signal):
    """What the venue was asked for by the only order of this signal."""
    assert settled(signal).status == "APPROVED"
    return venue.received[-1]


class TestEntries:
    def test_a_plain_one(self, venue, full):
        request = asked(venue, factories.signal(factories.strategy(accounts=[full])))
        assert (request.type, request.price, request.closes, request.attached) == (OrderType.MARKET, None, False, ())
        assert (request.position_side, request.leverage, request.quantity) == ("long", None, D("0.01"))

    def test_a_limit(self, venue, full):
        venue.answers = [rests]
        strategy = factories.strategy(accounts=[full], order_ttl_seconds=60)
        signal = factories.signal(strategy, order_type="limit", price=D("49000.17"), post_only=True)
        request = asked(venue, signal)
        assert (request.type, request.price, request.post_only) == (OrderType.LIMIT, D("49000.1"), True)
        order = Order.objects.get()
        assert (order.status, order.price) == ("OPEN", D("49000.17"))
        assert order.cancel_after - order.created_at == timedelta(seconds=60)
        created, rounded = order.steps.get(step="created"), order.steps.get(step="round")
        assert created.detail.startswith("buy 0.01 BTC/USDT limit 49000.17, id ")
        assert rounded.detail == "0.01 → 0.01, price 49000.17 → 49000.1"

    def test_a_market_order_has_no_time_to_live(self, venue, full):
        asked(venue, factories.signal(factories.strategy(accounts=[full], order_ttl_seconds=60)))
        assert Order.objects.get().cancel_after is None

    def test_a_stop_limit_with_its_time_in_force(self, venue, full):
        venue.answers = [rests]
        signal = factories.signal(
            factories.strategy(accounts=[full]), order_type="stop_limit", price=D(51000), stop_price=D(50900),
            time_in_force="fok",
        )  # fmt: skip
        request = asked(venue, signal)
        assert (request.type, request.price, request.stop_price) == (OrderType.STOP_LIMIT, D(51000), D(50900))
        assert request.time_in_force is TimeInForce.FOK

    def test_leverage_and_margin_mode_of_the_message_over_the_accounts(self, venue, swap):
        swap.leverage, swap.margin_mode = D(3), "cross"
        swap.save()
        strategy = factories.strategy(accounts=[swap], pyramiding=9)
        first = asked(venue, factories.signal(strategy))
        assert (first.leverage, first.margin_mode) == (D(3), "cross")
        second = asked(venue, factories.signal(strategy, leverage=D(5), margin_mode="isolated"))
        assert (second.leverage, second.margin_mode) == (D(5), "isolated")

    def test_its_exits_are_a_plan_and_not_armed_by_the_venue(self, venue, full):
        """What a venue arms with an entry waits for the whole fill, and nobody resizes it (P2)."""
        signal = factories.signal(
            factories.strategy(accounts=[full]), stop_loss="2%",
            take_profit=[{"at": "3%", "share": "50%"}, {"at": "53000.55", "share": "50%"}],
        )  # fmt: skip
        assert asked(venue, signal).attached == ()
        plan = ExitPlan.objects.get()
        assert (plan.stop_price, plan.initial_stop) == (D(49000), D(49000))
        assert [(target["at"], target["share"]) for target in plan.targets] == [("51500", "0.5"), ("53000.55", "0.5")]

    def test_where_the_venue_arms_none_the_monitor_watches(self, venue):
        account = factories.account("plain", broker="scripted", sandbox=True)
        signal = factories.signal(factories.strategy(accounts=[account]), stop_loss="2%", take_profit=[{"at": "3%"}])
        assert asked(venue, signal).attached == ()
        assert ExitPlan.objects.get().stop_price == D(49000)

    def test_a_spot_buy_for_an_amount(self, venue, full):
        strategy = factories.strategy(accounts=[full], sizing_mode="quote_amount", sizing_value=D(1000))
        request = asked(venue, factories.signal(strategy, price=D(30000)))
        assert (request.quote_amount, request.quantity) == (D(1000), D("0.033"))

    def test_but_not_where_funds_allow_less(self, venue, full):
        venue.cap = D("0.01")
        strategy = factories.strategy(accounts=[full], sizing_mode="quote_amount", sizing_value=D(1000))
        request = asked(venue, factories.signal(strategy))
        assert (request.quote_amount, request.quantity) == (None, D("0.01"))

    def test_money_is_sized_at_the_limit(self, venue, full):
        venue.answers = [rests]
        strategy = factories.strategy(accounts=[full], sizing_mode="quote_amount", sizing_value=D(1000))
        request = asked(venue, factories.signal(strategy, order_type="limit", price=D(40000)))
        assert (request.quantity, request.quote_amount) == (D("0.025"), None)


class TestRefusedBeforeAnyCall:
    @pytest.mark.parametrize(
        ("fields", "value"),
        [
            ({"order_type": "limit"}, "limit orders"),
            ({"time_in_force": "ioc"}, "time in force ioc"),
            ({"leverage": D(3)}, "leverage on the spot market"),
            ({"market": "swap"}, "the swap market (the account trades spot)"),
        ],
    )
    def test_what_the_broker_does_not_declare(self, venue, fields, value):
        account = factories.account("plain", broker="scripted", sandbox=True)
        signal = settled(factories.signal(factories.strategy(accounts=[account]), **fields))
        assert signal.status == "REJECTED"
        assert (rules(signal)["capability"]["verdict"], rules(signal)["capability"]["value"]) == ("FAIL", value)
        assert venue.received == []
        assert not Order.objects.exists()

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"order_type": "stop_limit"}, "a stop-limit order needs a stop_price"),
            ({"stop_loss": "51000"}, "stop_loss 51000 is not below the entry's price of 50000"),
        ],
    )
    def test_what_contradicts_itself(self, venue, full, fields, reason):
        signal = settled(factories.signal(factories.strategy(accounts=[full]), **fields))
        assert signal.status == "REJECTED"
        assert rules(signal)["order"]["verdict"] == "FAIL"
        assert factories.decisions(signal)[0].reason == reason
        assert venue.received == []


class TestExits:
    @pytest.fixture
    def held(self, venue, full):
        strategy = factories.strategy(accounts=[full])
        asked(venue, factories.signal(strategy))
        return strategy

    def test_at_market(self, venue, held):
        request = asked(venue, factories.signal(held, action="close"))
        assert (request.closes, request.type, request.side) == (True, OrderType.MARKET, "sell")
        assert request.position_side == "long"
        assert not Position.objects.filter(is_open=True).exists()

    def test_at_a_limit(self, venue, held):
        venue.answers = [rests]
        request = asked(venue, factories.signal(held, action="close", order_type="limit", price=D(52000)))
        assert (request.closes, request.type, request.price) == (True, OrderType.LIMIT, D(52000))

    def test_without_its_price_at_market(self, venue, held):
        request = asked(venue, factories.signal(held, action="close", order_type="limit", price=None))
        assert (request.closes, request.type) == (True, OrderType.MARKET)

    @pytest.mark.parametrize(
        ("price", "outcome"), [(D(49000), "APPROVED"), (D(50000), "APPROVED"), (D(50001), "REJECTED")]
    )
    def test_a_limit_where_there_are_none_goes_at_market_once_it_is_reached(self, venue, price, outcome):
        account = factories.account("plain", broker="scripted", sandbox=True, prices="fixed")
        strategy = factories.strategy(accounts=[account], prices="fixed")
        asked(venue, factories.signal(strategy))
        signal = settled(factories.signal(strategy, action="close", order_type="limit", price=price))
        assert signal.status == outcome
        assert [request.type for request in venue.received[1:]] == [OrderType.MARKET] * (outcome == "APPROVED")

    def test_exits_of_the_message_are_for_entries_only(self, venue, held):
        assert asked(venue, factories.signal(held, action="close", stop_loss="2%")).attached == ()

    def test_dust_is_no_position(self, venue, held):
        """What the fee has left below the lot: it is shown, but the next signals act as if it were not there."""
        Position.objects.update(quantity=D("0.0109"))
        asked(venue, factories.signal(held, action="close"))
        assert venue.received[-1].quantity == D("0.010")
        dust = Position.objects.get()
        assert (dust.quantity, dust.is_open) == (D("0.0009"), True)
        nothing = settled(factories.signal(held, action="close"))
        assert factories.decisions(nothing)[0].reason == "there is no open position to close"
        assert asked(venue, factories.signal(held)).closes is False
        assert Position.objects.get().quantity == D("0.0109")

    def test_a_reversal_closes_at_market_whatever_its_entry_asks(self, venue, swap):
        strategy = factories.strategy(accounts=[swap])
        asked(venue, factories.signal(strategy))
        settled(factories.signal(strategy, action="reverse", order_type="limit", price=D(51000), stop_loss="2%"))
        close, entry = venue.received[1:]
        assert (close.closes, close.type, close.attached) == (True, OrderType.MARKET, ())
        assert (entry.closes, entry.type, entry.price, entry.side) == (False, OrderType.LIMIT, D(51000), "sell")
        assert entry.attached == ()
        assert ExitPlan.objects.get(position__side="short").stop_price == D(51000)  # of what it got: 50000
