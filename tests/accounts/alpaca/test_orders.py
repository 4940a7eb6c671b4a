"""Orders of US stocks at Alpaca, whose loopback double refuses what the real one refuses."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

pytest.importorskip("alpaca", reason="alpaca-py is optional: requirements-stocks.txt")

from accounts.brokers.alpaca import AlpacaBroker
from accounts.brokers.base import (
    BrokerRejected,
    BrokerTemporary,
    BrokerUnknown,
    Cause,
    Rejection,
    ReportStatus,
    TimeInForce,
)
from tests.fakes.alpaca import CREDENTIALS, Venue
from tradeops.core import clock
from tradeops.core.money import OrderType, Side

from .support import client_id, exits, order


def test_instruments_are_whole_shares_or_parts_of_them(broker: AlpacaBroker) -> None:
    apple, berkshire = broker.instrument("AAPL"), broker.instrument("BRK.A")
    assert (apple.lot, apple.min_notional, apple.base, apple.quote) == (Decimal("1E-9"), Decimal(1), "AAPL", "USD")
    assert (berkshire.lot, berkshire.min_quantity) == (Decimal(1), Decimal(1))


@pytest.mark.parametrize("symbol", ["NOPE", "HALT"])
def test_an_unknown_or_halted_symbol(broker: AlpacaBroker, symbol: str) -> None:
    with pytest.raises(BrokerRejected, match=symbol) as caught:
        broker.instrument(symbol)
    assert caught.value.code == Rejection.UNKNOWN_INSTRUMENT


def test_a_market_buy_of_a_part_of_a_share_is_a_day_order(venue: Venue, broker: AlpacaBroker) -> None:
    report = broker.place(order(quantity=Decimal("1.23456789012")), now=clock.now())
    [sent] = venue.placed()
    assert sent == {
        "symbol": "AAPL", "side": "buy", "type": "market", "time_in_force": "day", "qty": "1.234567890",
        "client_order_id": client_id(),
    } | {"qty": "1.23456789"}  # fmt: skip
    assert report.status is ReportStatus.FILLED
    [fill] = report.fills
    assert (fill.quantity, fill.price) == (Decimal("1.23456789"), Decimal("200.02"))
    assert (fill.fee, fill.fee_currency, fill.trade_id) == (Decimal(0), "USD", venue.fills[0]["id"])


def test_a_buy_by_value(venue: Venue, broker: AlpacaBroker) -> None:
    report = broker.place(order(quote_amount=Decimal("123.456")), now=clock.now())
    assert (venue.placed()[0]["notional"], "qty" in venue.placed()[0]) == ("123.45", False)
    assert report.status is ReportStatus.FILLED


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        (
            {"type": OrderType.LIMIT, "price": Decimal("150.129")},
            {"type": "limit", "limit_price": "150.12", "time_in_force": "gtc"},
        ),
        ({"type": OrderType.STOP, "stop_price": Decimal(250)}, {"type": "stop", "stop_price": "250"}),
        (
            {"type": OrderType.STOP_LIMIT, "stop_price": Decimal(250), "price": Decimal(251)},
            {"type": "stop_limit", "stop_price": "250", "limit_price": "251"},
        ),
        (
            {"type": OrderType.TRAILING_STOP, "trailing": Decimal("0.015")},
            {"type": "trailing_stop", "trail_percent": "1.5"},
        ),
    ],
    ids=["limit", "stop", "stop limit", "trailing stop"],
)
def test_resting_orders_are_of_whole_shares(
    venue: Venue, broker: AlpacaBroker, changes: dict[str, Any], sent: dict[str, str]
) -> None:
    report = broker.place(order(quantity=Decimal("2.9"), **changes), now=clock.now())
    [placed] = venue.placed()
    assert placed["qty"] == "2"
    assert {name: placed[name] for name in sent} == sent
    assert report.status is ReportStatus.OPEN


def test_what_must_fill_at_once_and_cannot_ends(venue: Venue, broker: AlpacaBroker) -> None:
    request = order(type=OrderType.LIMIT, price=Decimal(150), time_in_force=TimeInForce.IOC)
    assert broker.place(request, now=clock.now()).status is ReportStatus.CANCELED
    assert venue.placed()[0]["time_in_force"] == "ioc"


def test_less_than_a_whole_share_cannot_rest(venue: Venue, broker: AlpacaBroker) -> None:
    with pytest.raises(BrokerRejected, match="whole share") as caught:
        broker.place(order(type=OrderType.LIMIT, price=Decimal(150), quantity=Decimal("0.9")), now=clock.now())
    assert caught.value.code == Rejection.BELOW_MINIMUM
    assert venue.placed() == []


def test_both_exits_make_a_bracket(venue: Venue, broker: AlpacaBroker) -> None:
    broker.place(order(attached=exits(Cause.STOP_LOSS, Cause.TAKE_PROFIT)), now=clock.now())
    sent = venue.placed()[0]
    assert sent["order_class"] == "bracket"
    assert (sent["stop_loss"], sent["take_profit"]) == ({"stop_price": "180"}, {"limit_price": "220"})
    assert [leg["type"] for leg in venue.orders[0]["legs"]] == ["limit", "stop"]


def test_one_exit_is_one_triggers_other(venue: Venue, broker: AlpacaBroker) -> None:
    broker.place(order(attached=exits(Cause.STOP_LOSS)), now=clock.now())
    assert (venue.placed()[0]["order_class"], "take_profit" in venue.placed()[0]) == ("oto", False)


def test_exits_of_a_share_are_refused_before_any_order(venue: Venue, broker: AlpacaBroker) -> None:
    with pytest.raises(BrokerRejected) as caught:
        broker.place(order(attached=exits(Cause.TAKE_PROFIT, share="0.5")), now=clock.now())
    assert caught.value.code == Rejection.UNSUPPORTED
    assert venue.placed() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"market": "swap"},
        {"type": OrderType.LIMIT, "price": Decimal(1), "post_only": True},
        {"leverage": Decimal(3)},
        {"type": OrderType.LIMIT},
        {"type": OrderType.STOP},
        {"type": OrderType.TRAILING_STOP},
        {"type": OrderType.LIMIT, "price": Decimal(1), "quote_amount": Decimal(10)},
    ],
    ids=["swap", "post-only", "leverage", "no price", "no stop price", "no distance", "value of a limit order"],
)
def test_what_it_cannot_do_is_refused_before_any_call(
    venue: Venue, broker: AlpacaBroker, changes: dict[str, Any]
) -> None:
    for ask in (broker.prepare, lambda asked: broker.place(asked, now=clock.now())):
        with pytest.raises(BrokerRejected) as caught:
            ask(order(**changes))
        assert caught.value.code == Rejection.UNSUPPORTED
    assert venue.requests == []


def test_a_sale_is_of_the_shares_that_are_there(venue: Venue, broker: AlpacaBroker) -> None:
    venue.positions["AAPL"] = Decimal("3.5")
    broker.place(order(side=Side.SELL, closes=True), now=clock.now())
    assert venue.placed()[0]["qty"] == "3.5"
    with pytest.raises(BrokerRejected) as caught:
        broker.place(order(1, side=Side.SELL, closes=True), now=clock.now())
    assert caught.value.code == Rejection.NOTHING_TO_REDUCE
    assert len(venue.placed()) == 1


def test_a_partial_fill_then_the_rest(venue: Venue, broker: AlpacaBroker) -> None:
    venue.part = Decimal("0.4")
    first = broker.place(order(), now=clock.now())
    assert (first.status, first.filled) == (ReportStatus.PARTIALLY_FILLED, Decimal("4.0"))
    venue.fill(venue.orders[0], Decimal(6), Decimal(201))
    found = broker.fetch(client_id(), symbol="AAPL", now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.FILLED
    assert [fill.quantity for fill in found.fills] == [Decimal("4.0"), Decimal(6)]
    assert found.fills[0].trade_id == first.fills[0].trade_id


def test_an_order_is_finished_with_all_of_its_fills_only(venue: Venue, broker: AlpacaBroker) -> None:
    broker.place(order(), now=clock.now())
    fills, venue.fills = venue.fills, []
    found = broker.fetch(client_id(), symbol="AAPL", now=clock.now())
    assert found is not None
    assert (found.status, found.filled) == (ReportStatus.OPEN, Decimal(10))
    venue.fills = fills
    found = broker.fetch(client_id(), symbol="AAPL", now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.FILLED


@pytest.mark.parametrize("fault", ["accept_then_504", "accept_then_reset", "page", "accept_then_silence"])
def test_an_answer_that_tells_nothing_is_unknown_and_never_sent_again(
    venue: Venue, broker: AlpacaBroker, fault: str
) -> None:
    broker.instrument("AAPL")
    venue.fault(fault)
    with pytest.raises(BrokerUnknown):
        broker.place(order(send_expires_at=clock.now() + timedelta(seconds=1)), now=clock.now())
    assert len(venue.placed()) == 1
    found = broker.fetch(client_id(), symbol="AAPL", now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.FILLED


def test_an_id_is_taken_once(venue: Venue, broker: AlpacaBroker) -> None:
    broker.place(order(), now=clock.now())
    again = broker.place(order(quantity=Decimal(99)), now=clock.now())
    assert (again.status, again.filled) == (ReportStatus.FILLED, Decimal(10))
    assert len(venue.orders) == 1
    assert not broker.capabilities.reuses_ids


class Held:
    def __init__(self) -> None:
        self.waited: list[tuple[str, ...]] = []
        self.held: list[tuple[tuple[str, ...], float]] = []

    def wait(self, *keys: str) -> None:
        self.waited.append(keys)

    def hold(self, *keys: str, seconds: float) -> None:
        self.held.append((keys, seconds))

    def done(self) -> None:
        pass


def test_the_venues_limit_is_obeyed(venue: Venue) -> None:
    throttle = Held()
    broker = AlpacaBroker(venue.access(throttle=throttle))
    venue.fault("busy")
    with pytest.raises(BrokerTemporary) as caught:
        broker.place(order(), now=clock.now())
    assert (caught.value.code, caught.value.retry_after) == ("rate_limited", 3.0)
    assert throttle.held == [(("order:AAPL",), 3.0)]
    assert throttle.waited == [("instruments",), ("order:AAPL",)]
    assert venue.orders == []


def test_past_its_expiry_nothing_leaves(venue: Venue, broker: AlpacaBroker) -> None:
    with pytest.raises(BrokerTemporary) as caught:
        broker.place(order(send_expires_at=clock.now() - timedelta(seconds=1)), now=clock.now())
    assert caught.value.code == "expired_unsent"
    assert venue.placed() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": Decimal(1000)}, Rejection.INSUFFICIENT_FUNDS),
        ({"quantity": Decimal("0.0000000001")}, Rejection.BELOW_MINIMUM),
        ({"symbol": "NOPE"}, Rejection.UNKNOWN_INSTRUMENT),
    ],
    ids=["funds", "size", "symbol"],
)
def test_refusals_have_names(venue: Venue, broker: AlpacaBroker, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(BrokerRejected) as caught:
        broker.place(order(**changes), now=clock.now())
    assert caught.value.code == code
    assert venue.orders == []


@pytest.mark.parametrize("name", ["api_key", "secret"])
def test_a_wrong_key_is_named(venue: Venue, name: str) -> None:
    broker = AlpacaBroker(venue.access(credentials={**CREDENTIALS, name: "wrong-wrong-wrong"}))
    with pytest.raises(BrokerRejected, match="API key") as caught:
        broker.balances()
    assert caught.value.code == Rejection.BAD_KEY
    assert len(venue.requests) == 1


def test_without_a_key_nothing_is_asked(venue: Venue) -> None:
    broker = AlpacaBroker(venue.access(credentials={}))
    with pytest.raises(BrokerRejected) as caught:
        broker.balances()
    assert caught.value.code == Rejection.NO_CREDENTIALS
    assert venue.requests == []
