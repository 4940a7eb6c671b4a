"""The same suite: limits of the venue, what rests there, stops, attached exits, and what is not declared (X1, X2)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.brokers.base import (
    AttachedExit,
    BrokerError,
    BrokerRejected,
    BrokerTemporary,
    BrokerUnknown,
    Cause,
    Rejection,
    ReportStatus,
    TimeInForce,
)
from tests.contracts.asking import D, limit
from tradeops.core import clock
from tradeops.core.money import OrderType, Side

pytestmark = pytest.mark.django_db


class TestLimitsOfTheVenue:
    def test_each_request_has_waited_for_its_turn(self, side, broker, make, place):
        place(make())
        if side.network:
            assert len(side.throttle.asked) >= side.requests() > 0
            assert any(key.startswith("order:") for keys in side.throttle.asked for key in keys)

    def test_without_a_turn_nothing_is_sent(self, side, broker, make):
        if not side.network:
            pytest.skip("there is no network between")
        broker.instrument(side.symbol)
        before = side.requests()
        side.throttle.closed = True
        with pytest.raises(BrokerTemporary) as error:
            broker.place(make(), now=clock.now())
        assert error.value.retry_after == 7
        assert side.requests() == before


class TestResting:
    @pytest.fixture(autouse=True)
    def _rests(self, declared):
        if OrderType.LIMIT not in declared.order_types:
            pytest.skip("it declares no limit orders")

    def test_an_id_that_rests_there_and_cannot_be_looked_up_is_unknown(self, side, broker, make, place):
        """The venue says that it has the order, so it is there whatever the question after it meets."""
        if not side.network:
            pytest.skip("there is no network between")
        asked = limit(make, side)
        first = place(asked)
        with side.blind(), pytest.raises(BrokerUnknown):
            broker.place(asked, now=clock.now())
        assert side.accepted() == 1
        found = broker.place(asked, now=clock.now())
        assert (found.status, found.venue_order_id) == (ReportStatus.OPEN, first.venue_order_id)
        assert side.accepted() == 1

    def test_a_limit_rests_is_listed_and_is_cancelled(self, side, broker, make, place):
        asked = limit(make, side)
        found = place(asked)
        assert (found.status, found.fills) == (ReportStatus.OPEN, ())
        [listed] = broker.open_orders(symbol=side.symbol)
        assert (listed.client_order_id, listed.status) == (asked.client_order_id, ReportStatus.OPEN)
        for _ in range(2):  # a cancel may be asked for again
            ended = broker.cancel(asked.client_order_id, symbol=side.symbol, now=clock.now())
            assert (ended.status, ended.fills) == (ReportStatus.CANCELED, ())
        assert broker.open_orders(symbol=side.symbol) == ()
        assert broker.fetch(asked.client_order_id, symbol=side.symbol, now=clock.now()).status is ReportStatus.CANCELED
        assert side.net() == 0

    def test_the_market_comes_to_it(self, side, broker, make, place):
        asked = limit(make, side)
        place(asked)
        side.move(side.price * D("0.97"))
        found = broker.fetch(asked.client_order_id, symbol=side.symbol, now=clock.now())
        assert (found.status, {fill.price for fill in found.fills}) == (ReportStatus.FILLED, {asked.price})
        assert sum(fill.quantity for fill in found.fills) == side.quantity == side.net()
        assert broker.open_orders() == ()

    def test_a_cancel_that_comes_too_late_says_what_became_of_it(self, side, broker, make, place):
        asked = make()
        place(asked)
        found = broker.cancel(asked.client_order_id, symbol=side.symbol, now=clock.now())
        assert (found.status, sum(fill.quantity for fill in found.fills)) == (ReportStatus.FILLED, side.quantity)

    def test_cancel_all(self, side, broker, make, place):
        place(limit(make, side))
        place(limit(make, side, away="0.97"))
        assert broker.cancel_all(symbol=side.symbol) == 2
        assert broker.open_orders() == ()
        assert broker.cancel_all(symbol=side.symbol) == 0

    def test_what_would_trade_at_once_is_no_maker(self, side, broker, declared, make, place):
        if not declared.post_only:
            pytest.skip("it declares no post-only orders")
        asked = limit(make, side, away="1.01", post_only=True)
        try:
            place(asked)
        except BrokerRejected as error:
            code = error.code
        else:  # some venues take it and cancel it at once
            found = broker.fetch(asked.client_order_id, symbol=asked.symbol, now=clock.now())
            assert found.status in (ReportStatus.CANCELED, ReportStatus.REJECTED, ReportStatus.EXPIRED)
            code = found.code
        assert code == Rejection.WOULD_TAKE
        assert (side.net(), broker.open_orders()) == (0, ())

    @pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK])
    def test_what_must_fill_at_once_and_cannot_ends(self, side, broker, declared, make, place, tif):
        if tif not in declared.time_in_force:
            pytest.skip("it does not declare it")
        asked = limit(make, side, time_in_force=tif)
        place(asked)
        found = broker.fetch(asked.client_order_id, symbol=side.symbol, now=clock.now())
        assert found.status in (ReportStatus.CANCELED, ReportStatus.EXPIRED)
        assert (side.net(), broker.open_orders()) == (0, ())


class TestStops:
    @pytest.fixture(autouse=True)
    def _stops(self, declared):
        if OrderType.STOP not in declared.order_types:
            pytest.skip("it declares no stop orders")

    @pytest.fixture
    def stop(self, side, make):
        return make(
            type=OrderType.STOP, side=Side.SELL, closes=True, quantity=side.quantity - side.quantity % D("0.01"),
            stop_price=side.price * D("0.9"),
        )  # fmt: skip

    def test_one_waits_and_closes_when_the_market_comes(self, side, broker, make, place, stop):
        place(make())
        assert place(stop).status is ReportStatus.OPEN
        assert [one.client_order_id for one in broker.open_orders()] == [stop.client_order_id]
        side.move(side.price * D("0.95"))
        assert broker.fetch(stop.client_order_id, symbol=side.symbol, now=clock.now()).status is ReportStatus.OPEN
        side.move(side.price * D("0.89"))
        found = broker.fetch(stop.client_order_id, symbol=side.symbol, now=clock.now())
        assert (found.status, sum(fill.quantity for fill in found.fills)) == (ReportStatus.FILLED, stop.quantity)
        assert side.net() == side.quantity - stop.quantity
        since = clock.now() - timedelta(minutes=1)
        mine = [one for one in broker.trades(since=since, symbol=side.symbol) if one.fill in found.fills]
        assert len(mine) == len(found.fills)
        assert {one.client_order_id or one.venue_order_id for one in mine} <= {
            stop.client_order_id,
            found.venue_order_id,
        }

    def test_it_is_cancelled(self, side, broker, make, place, stop):
        place(make())
        place(stop)
        found = broker.cancel(stop.client_order_id, symbol=side.symbol, now=clock.now())
        assert (found.status, found.fills, broker.open_orders()) == (ReportStatus.CANCELED, (), ())
        side.move(side.price * D("0.5"))
        assert side.net() == side.quantity


class TestAttachedExits:
    def test_they_are_armed_by_the_fill_and_known_as_the_entrys(self, side, broker, declared, make, place):
        if not declared.attached_exits:
            pytest.skip("it declares no attached exits")
        entry = make(attached=(AttachedExit(kind=Cause.STOP_LOSS, trigger=side.price * D("0.9")),))
        assert place(entry).status is ReportStatus.FILLED
        side.move(side.price * D("0.89"))
        assert side.net() <= side.quantity * D("0.002")  # a fee may have been taken of it
        found = broker.trades(since=clock.now() - timedelta(minutes=1), symbol=side.symbol)
        [exit_] = [one for one in found if one.side is Side.SELL]
        assert (exit_.parent_client_order_id, exit_.cause) == (entry.client_order_id, Cause.STOP_LOSS)


class TestDeclared:
    """What is declared works; what is not is refused before any network call."""

    def undeclared(self, side, declared):
        yield {"market": "option"}
        for kind in OrderType:
            if kind not in declared.order_types:
                yield {"type": kind, "price": side.price, "stop_price": side.price, "trailing": D("0.01")}
        for tif in TimeInForce:
            if tif is not TimeInForce.GTC and tif not in declared.time_in_force:
                yield {"type": OrderType.LIMIT, "price": side.price, "time_in_force": tif}
        if not declared.post_only:
            yield {"type": OrderType.LIMIT, "price": side.price, "post_only": True}
        if not declared.quote_amount or side.market != "spot":
            yield {"quote_amount": D(100)}
        if not declared.attached_exits:
            yield {"attached": (AttachedExit(kind=Cause.STOP_LOSS, trigger=side.price * D("0.9")),)}
        if not declared.leverage:
            yield {"leverage": D(3)}

    def test_what_is_not_is_refused_by_name(self, side, broker, declared, make):
        broker.instrument(side.symbol)
        before = side.requests()
        for asked in self.undeclared(side, declared):
            with pytest.raises(BrokerRejected) as error:
                broker.place(make(**asked), now=clock.now())
            assert error.value.code == Rejection.UNSUPPORTED, asked
            assert side.requests() == before, asked

    def test_buying_for_an_amount(self, side, declared, make, place):
        if not declared.quote_amount or side.market != "spot":
            pytest.skip("it declares no amounts")
        found = place(make(quote_amount=D(100), quantity=D("0.002")))
        assert found.status is ReportStatus.FILLED
        spent = sum(fill.quantity * fill.price for fill in found.fills)
        assert D("99") < spent <= D(100)

    def test_leverage_is_set_once(self, side, broker, declared, make):
        if not declared.leverage or side.market == "spot":
            pytest.skip("there is no leverage")
        broker.prepare(make(leverage=D(7)))
        before = side.requests()
        broker.prepare(make(leverage=D(7)))
        assert side.requests() - before <= 1  # it may look; it need not set again

    def test_leverage_that_another_process_has_changed_is_set_back(self, side, broker, declared, make):
        if not declared.leverage or side.market == "spot" or not side.network:
            pytest.skip("there is no leverage, or it goes with the order")
        other = side.broker()
        broker.prepare(make(leverage=D(7)))
        other.prepare(make(leverage=D(5)))
        before = side.requests()
        broker.prepare(make(leverage=D(7)))
        assert side.requests() > before
        [told] = side.told.values.values()
        assert "7" in told

    def test_spot_and_one_way_know_no_other_side(self, side, broker, declared):
        assert side.market in declared.markets
        assert declared.hedge or broker.key().position_mode != "hedge"


class TestSecrets:
    def test_none_is_in_what_the_broker_gives_away(self, side, broker, make, place):
        secrets = [] if not side.network else list(side.venue.credentials.values())
        given = [repr(place(make())), repr(broker.key()), repr(broker.balances()), repr(broker), repr(broker.__dict__)]
        for request in (make(quantity=D(50)), make(client_order_id="not an id of ours")):
            try:
                place(request)
            except BrokerError as error:
                given += [str(error), error.raw, repr(error)]
        for secret in secrets:
            assert all(secret not in text for text in given)
