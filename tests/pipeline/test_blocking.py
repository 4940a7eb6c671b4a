"""The next signal of a lane acts when it knows what became of the orders before it (S5, X2)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import BrokerTemporary
from signals.execution import resting
from signals.models import Order, Position
from signals.pipeline import work
from signals.pipeline.drain import drain
from tests import factories
from tests.fakes.scripted_broker import rests
from tradeops.core import clock

D = Decimal
pytestmark = pytest.mark.django_db
LIMIT = {"order_type": "limit", "price": D(49000)}


def settled(signal):
    drain()
    signal.refresh_from_db()
    return signal


def statuses():
    return list(Order.objects.order_by("id").values_list("status", flat=True))


@pytest.fixture
def strategy(full):
    return factories.strategy(accounts=[full])


@pytest.fixture
def entry(venue, strategy):
    """An entry that rests at the venue."""
    venue.answers = [rests]
    settled(factories.signal(strategy, **LIMIT))
    assert statuses() == ["OPEN"]
    return Order.objects.get()


class TestAnEntryThatRests:
    def test_it_is_cancelled_before_the_next_signal_acts(self, entry, strategy, venue, tend):
        signal = settled(factories.signal(strategy))
        entry.refresh_from_db()
        assert (signal.status, entry.status) == ("PROCESSING", "OPEN")
        assert entry.cancel_asked_at is not None
        assert resting.due(now=clock.now()) == [entry.account_id]  # at once
        assert len(venue.received) == 1
        tend()
        assert settled(signal).status == "APPROVED"
        assert statuses() == ["CANCELED", "FILLED"]
        entry.refresh_from_db()
        assert entry.message == "the strategy's next signal on this symbol takes its place"
        assert venue.cancels == [entry.client_order_id]

    def test_a_drain_is_wanted_until_the_cancel_is_asked_and_after_it_is_done(self, entry, strategy, tend):
        factories.signal(strategy)
        assert work.waiting(now=clock.now())
        drain()
        assert not work.waiting(now=clock.now())
        tend()
        assert work.waiting(now=clock.now())

    def test_what_it_filled_before_is_what_the_signal_finds(self, entry, strategy, venue, tend):
        from accounts.brokers.base import FillReport, ReportStatus

        fill = FillReport(
            trade_id="1", quantity=D("0.004"), price=D(49000), fee=D(0), fee_currency="USDT", at=clock.now()
        )
        venue.show(entry.client_order_id, status=ReportStatus.PARTIALLY_FILLED, fills=(fill,), filled=D("0.004"))
        signal = settled(factories.signal(strategy, action="close"))
        tend()
        assert settled(signal).status == "APPROVED"
        assert venue.received[-1].closes
        assert venue.received[-1].quantity == D("0.004")
        assert not Position.objects.filter(is_open=True).exists()

    def test_a_heartbeat_neither_waits_nor_cancels(self, entry, strategy, venue):
        signal = settled(factories.signal(strategy, action="heartbeat", market_position="flat"))
        assert signal.status == "APPROVED"
        entry.refresh_from_db()
        assert entry.cancel_asked_at is None

    def test_another_symbol_goes_on(self, venue, full):
        strategy = factories.strategy(accounts=[full], symbols={"BTCUSDT": "BTC/USDT", "ETHUSDT": "ETH/USDT"})
        venue.answers = [rests]
        settled(factories.signal(strategy, **LIMIT))
        assert settled(factories.signal(strategy, symbol="ETHUSDT")).status == "APPROVED"
        assert statuses() == ["OPEN", "FILLED"]

    def test_another_strategy_goes_on(self, entry, full):
        other = factories.strategy("other", accounts=[full])
        assert settled(factories.signal(other)).status == "APPROVED"
        assert statuses() == ["OPEN", "FILLED"]

    def test_the_message_cancel_ends_it_and_nothing_else(self, entry, strategy, venue, tend):
        signal = settled(factories.signal(strategy, action="cancel"))
        tend()
        assert settled(signal).status == "APPROVED"
        assert factories.decisions(signal)[0].reason == (
            "the strategy's open orders on this symbol are cancelled; what is held stays"
        )
        assert statuses() == ["CANCELED"]


class TestAnEntryThatWaitsForItsNextTry:
    def test_it_gives_way_at_once(self, strategy, venue):
        venue.answers = [BrokerTemporary("busy", retry_after=30)]
        settled(factories.signal(strategy))
        assert statuses() == ["PENDING"]
        assert settled(factories.signal(strategy)).status == "APPROVED"
        assert statuses() == ["CANCELED", "FILLED"]
        assert len(venue.received) == 2

    def test_or_that_is_held_back_by_another_strategys_doubt(self, strategy, full, venue):
        other = factories.strategy("other", accounts=[full])
        later = clock.now() + timedelta(seconds=60)
        factories.order(full, other, number=9, status="UNKNOWN", unknown_since=clock.now(), due_at=later)
        held_back = factories.order(full, strategy, number=8)
        Position.objects.create(
            strategy=strategy, account=full, symbol="BTC/USDT", side="long", quantity=D("0.5"), is_open=True,
            average_price=D(50000), updated_at=clock.now(),
        )  # fmt: skip
        assert settled(factories.signal(strategy, action="close")).status == "APPROVED"
        held_back.refresh_from_db()
        assert held_back.status == "CANCELED"
        [request] = venue.received
        assert (request.closes, request.quantity) == (True, D("0.5"))


class TestAnExitThatRests:
    @pytest.fixture
    def target(self, strategy, venue):
        """A position, and a limit order that takes its profit."""
        settled(factories.signal(strategy))
        venue.answers = [rests]
        settled(factories.signal(strategy, action="close", order_type="limit", price=D(52000)))
        assert statuses() == ["FILLED", "OPEN"]
        return Order.objects.get(intent="close")

    @pytest.mark.parametrize("fields", [{"action": "close"}, {"action": "sell"}, {"action": "cancel"}])
    def test_it_gives_way_to_what_could_close_the_same_again(self, target, strategy, fields, tend):
        signal = settled(factories.signal(strategy, **fields))
        target.refresh_from_db()
        assert target.cancel_asked_at is not None
        assert signal.status == "PROCESSING"
        tend()
        assert settled(signal).status == "APPROVED"
        assert Order.objects.filter(intent="close", status="OPEN").count() == 0
        assert Order.objects.filter(attempt__gt=0).count() == 0

    def test_but_not_to_what_adds(self, target, full, venue):
        target.strategy.pyramiding = 3
        target.strategy.save()
        from tradeops.core import configuration

        configuration.changed()
        assert settled(factories.signal(target.strategy)).status == "APPROVED"
        target.refresh_from_db()
        assert (target.status, target.cancel_asked_at) == ("OPEN", None)

    def test_an_exit_at_market_that_fills_later_is_waited_for(self, strategy, venue, tend):
        settled(factories.signal(strategy))
        venue.answers = [rests]
        settled(factories.signal(strategy, action="close"))
        signal = settled(factories.signal(strategy))
        assert signal.status == "PROCESSING"
        assert Order.objects.get(intent="close").cancel_asked_at is None
