"""What every broker must do, by what it declares. A new one adds its side to `broker_sides.SIDES`."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import (
    BrokerRejected,
    BrokerTemporary,
    BrokerUnknown,
    Cause,
    KeyFacts,
    Rejection,
    ReportStatus,
)
from tests.contracts.asking import D, refused
from tradeops.core import clock, money
from tradeops.core.money import Side

pytestmark = pytest.mark.django_db


class TestMarketOrders:
    def test_a_buy_is_filled_whole_and_exactly(self, side, make, place):
        asked = make()
        found = place(asked)
        assert found.status is ReportStatus.FILLED
        assert found.client_order_id == asked.client_order_id
        assert found.venue_order_id
        assert sum(fill.quantity for fill in found.fills) == side.quantity == side.net()
        for fill in found.fills:
            assert all(type(value) is Decimal for value in (fill.quantity, fill.price, fill.fee))
            assert abs(fill.price - side.price) < 100
            assert fill.fee > 0 if side.charges else fill.fee == 0
            assert fill.fee_currency
            assert abs((fill.at - clock.now()).total_seconds()) < 60

    def test_fetch_repeats_the_same_fills_so_that_they_count_once(self, broker, make, place):
        asked = make()
        first = place(asked)
        again = broker.fetch(asked.client_order_id, symbol=asked.symbol, now=clock.now())
        assert again.status is ReportStatus.FILLED
        assert again.fills == first.fills
        assert len({fill.trade_id for fill in again.fills}) == len(again.fills)
        assert again.venue_order_id == first.venue_order_id

    def test_two_orders_have_trades_of_their_own(self, make, place):
        first, second = place(make()), place(make())
        assert not {one.trade_id for one in first.fills} & {one.trade_id for one in second.fills}
        assert first.venue_order_id != second.venue_order_id

    def test_an_id_is_placed_once(self, side, broker, declared, make, place):
        """Where the venue itself takes a used id again, the portal must not send it: `reuses_ids` tells it so."""
        asked = make()
        first = place(asked)
        if declared.reuses_ids:
            pytest.skip("the venue takes a used id again")
        with suppress(BrokerUnknown):  # "ask for it" is an answer, too
            again = broker.place(asked, now=clock.now())
            assert again.venue_order_id == first.venue_order_id
        assert side.net() == side.quantity
        assert side.accepted() == 1

    def test_a_close_sells_it_again(self, side, make, place):
        place(make())
        found = place(make(side=Side.SELL, closes=True))
        assert found.status is ReportStatus.FILLED
        assert abs(side.net()) <= side.quantity * D("0.002")  # on spot a fee may have been taken of it

    def test_balances_move_by_the_fills_exactly(self, side, broker, make, place):
        if side.market != "spot":
            pytest.skip("balances say it on spot only")
        base, other = side.base, side.currency
        before = broker.balances()
        [fill] = place(make()).fills
        after = broker.balances()
        fees = {base: D(0), other: D(0)} | {fill.fee_currency: fill.fee}
        nothing = D(0)
        had = before[base].total if base in before else nothing
        assert after[base].total == had + fill.quantity - fees[base]
        assert after[other].total == before[other].total - fill.quantity * fill.price - fees[other]
        assert all(one.free <= one.total for one in after.values())


class TestQuestions:
    def test_what_nobody_placed_is_none(self, side, broker):
        for ask in (broker.fetch, broker.cancel):
            assert ask("nobody" * 5 + "22", symbol=side.symbol, now=clock.now()) is None
        assert side.accepted() == 0

    def test_instruments(self, side, broker):
        found = broker.instrument(side.symbol)
        assert (found.symbol, found.base, found.quote) == (side.symbol, side.base, side.currency)
        assert found.lot > 0
        assert found.tick > 0
        assert money.floor_to(side.quantity, found.lot) == side.quantity
        with pytest.raises(BrokerRejected) as error:
            broker.instrument(side.unknown_symbol)
        assert error.value.code == Rejection.UNKNOWN_INSTRUMENT

    def test_what_funds_allow(self, side, broker):
        found = broker.max_quantity(side.symbol, side=Side.BUY, price=side.price)
        assert found is None or side.quantity < found < 100

    def test_positions(self, side, broker, declared, make, place):
        place(make())
        found = broker.positions()
        if side.market == "spot" or not declared.positions:
            assert found == ()
            return
        [position] = found
        assert (position.symbol, position.side, position.quantity) == (side.symbol, "long", side.quantity)
        place(make(side=Side.SELL, closes=True))
        assert broker.positions() == ()

    def test_trades_of_ours_and_by_hand(self, side, broker, declared, make, place):
        if not declared.trades:
            with pytest.raises(BrokerRejected) as error:
                broker.trades(since=clock.now())
            assert error.value.code == Rejection.UNSUPPORTED
            return
        since = clock.now() - timedelta(minutes=1)
        ours = place(make())
        if side.network:
            side.by_hand()
        found = broker.trades(since=since, symbol=side.symbol)
        mine = [one for one in found if one.venue_order_id == ours.venue_order_id]
        assert tuple(one.fill for one in mine) == ours.fills
        assert {(one.symbol, one.side) for one in found} == {(side.symbol, Side.BUY)}
        others = [one for one in found if one not in mine]
        assert sum(one.fill.quantity for one in others) == (side.quantity if side.network else 0)
        assert all(one.cause is Cause.HAND for one in others)
        assert ours.client_order_id not in {one.client_order_id for one in others}
        assert [one.fill.at for one in found] == sorted(one.fill.at for one in found)
        assert broker.trades(since=clock.now() + timedelta(minutes=2), symbol=side.symbol) == ()

    def test_what_was_put_in_and_taken_out(self, side, broker, declared, make, place):
        since = clock.now() - timedelta(minutes=1)
        if not declared.transfers:
            with pytest.raises(BrokerRejected) as error:
                broker.transfers(since=since)
            assert error.value.code == Rejection.UNSUPPORTED
            return
        assert broker.transfers(since=since) == ()
        before = broker.balances()[side.currency].total
        side.put_in(D("250.5"))
        side.put_in(D(-100))
        found = broker.transfers(since=since)
        assert sorted((one.currency, one.amount) for one in found) == [
            (side.currency, D(-100)), (side.currency, D("250.5")),
        ]  # fmt: skip
        assert all(type(one.amount) is Decimal and one.at.tzinfo is not None for one in found)
        assert broker.balances()[side.currency].total == before + D("150.5")
        place(make())  # a trade is none
        assert broker.transfers(since=since) == found
        assert len({one.id for one in found} - {""}) == 2
        assert broker.transfers(since=clock.now() + timedelta(days=2)) == ()

    def test_prices(self, side, broker, declared):
        if not declared.prices:
            with pytest.raises(BrokerRejected) as error:
                broker.quote(side.symbol, now=clock.now())
            assert error.value.code == Rejection.UNSUPPORTED
            return
        found = (side.broker(credentials={}) if side.open_prices else broker).quote(side.symbol, now=clock.now())
        assert 0 < found.bid <= found.ask
        assert abs(found.bid - side.price) < 100
        assert found.symbol == side.symbol
        assert found.source

    def test_the_key(self, side, broker):
        found = broker.key()
        assert isinstance(found, KeyFacts)
        assert found.trade is not False
        assert found.withdraw is not True
        assert found.position_mode in ("", "hedge" if side.__class__.__name__ == "OkxHedge" else "one_way")

    def test_a_preview_changes_nothing(self, side, broker, make):
        found = broker.preview(make(), now=clock.now())
        assert found.status in (ReportStatus.FILLED, ReportStatus.OPEN)
        assert (side.accepted(), side.net()) == (0, 0)


class TestRejections:
    def test_more_than_the_funds(self, side, make, place):
        assert refused(place, make(quantity=D(50))) == Rejection.INSUFFICIENT_FUNDS
        assert (side.accepted(), side.net()) == (0, 0)

    def test_less_than_the_minimum(self, side, make, place):
        assert refused(place, make(quantity=side.too_small)) == Rejection.BELOW_MINIMUM
        assert side.accepted() == 0

    def test_an_unknown_symbol(self, side, make, place):
        assert refused(place, make(symbol=side.unknown_symbol)) == Rejection.UNKNOWN_INSTRUMENT
        assert side.accepted() == 0

    def test_a_wrong_key(self, side, make):
        for name in side.secret_names:
            wrong = {**side.venue.credentials, name: "wrongwrongwrongwrongwrong"}
            broker = side.broker(credentials=wrong)
            with pytest.raises(BrokerRejected) as error:
                broker.place(make(), now=clock.now())
            expected = Rejection.BAD_PASSPHRASE if name == "passphrase" else Rejection.BAD_KEY
            assert error.value.code == expected, name
        assert side.accepted() == 0

    def test_no_key(self, side, declared, make):
        if not declared.credentials:
            pytest.skip("it needs no credentials")
        broker = side.broker(credentials={})
        for ask in (broker.balances, broker.key, lambda: broker.place(make(), now=clock.now())):
            with pytest.raises(BrokerRejected) as error:
                ask()
            assert error.value.code == Rejection.NO_CREDENTIALS
        assert side.accepted() == 0


class TestCloses:
    """A close never opens (D3, X2)."""

    def test_more_than_there_is(self, side, make, place):
        place(make())
        with suppress(BrokerRejected):
            place(make(side=Side.SELL, closes=True, quantity=side.quantity + 30))
        held = D(1) if side.market == "spot" and side.network else D(0)  # what the account had before
        assert side.net() >= -held

    def test_without_anything(self, side, make, place):
        if side.market == "spot" and side.network:
            pytest.skip("the account has coins of its own")
        assert refused(place, make(side=Side.SELL, closes=True)) == Rejection.NOTHING_TO_REDUCE
        assert (side.accepted(), side.net()) == (0, 0)


class TestExpiry:
    def test_what_is_past_it_is_not_sent(self, side, broker, make):
        broker.instrument(side.symbol)
        with pytest.raises(BrokerTemporary):
            broker.place(make(send_expires_at=clock.now() - timedelta(seconds=1)), now=clock.now())
        assert (side.accepted(), side.net()) == (0, 0)


class TestLostAnswers:
    @pytest.fixture(autouse=True)
    def _network(self, side):
        if not side.network:
            pytest.skip("there is no network between")

    @pytest.mark.parametrize("how", ["timeout", "error", "reset"])
    def test_after_it_was_taken_it_is_unknown_and_can_be_found(self, side, broker, make, how):
        broker.instrument(side.symbol)
        asked = make()
        broker.prepare(asked)
        side.lose(how)
        with pytest.raises(BrokerUnknown):
            broker.place(asked, now=clock.now())
        assert side.accepted() == 1
        found = broker.fetch(asked.client_order_id, symbol=side.symbol, now=clock.now())
        assert (found.status, sum(fill.quantity for fill in found.fills)) == (ReportStatus.FILLED, side.quantity)
        assert side.accepted() == 1

    def test_before_it_was_taken(self, side, broker, make):
        broker.instrument(side.symbol)
        asked = make()
        broker.prepare(asked)
        side.lose("before")
        with pytest.raises((BrokerUnknown, BrokerTemporary)):
            broker.place(asked, now=clock.now())
        assert broker.fetch(asked.client_order_id, symbol=side.symbol, now=clock.now()) is None
        assert side.accepted() == 0

    def test_too_many_requests(self, side, broker, make):
        broker.instrument(side.symbol)
        asked = make()
        broker.prepare(asked)
        side.lose("busy")
        with pytest.raises(BrokerTemporary) as error:
            broker.place(asked, now=clock.now())
        assert error.value.code == "rate_limited"
        assert 2 <= error.value.retry_after <= 10
        assert side.accepted() == 0
