"""The trade record of a round trip and the day's profit stand in the transaction of the fills, and agree with them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from signals.models import PnlDay, Position, RoundTrip
from signals.portfolio import funding, positions, trips
from signals.portfolio.positions import Trade
from tests import factories
from tests.factories import NOW
from tradeops.core.money import Side

D = Decimal
pytestmark = pytest.mark.django_db


@pytest.fixture
def desk():
    account = factories.account(time_zone="America/New_York")
    return account, factories.strategy(accounts=[account])


@pytest.fixture
def book(desk):
    account, strategy = desk

    def trade(side, quantity, price, *, at=NOW, position_side="long", base="", fee="0", fee_currency="USDT",
              symbol="BTC/USDT", **fields):  # fmt: skip
        return positions.book(
            Trade(
                strategy_id=strategy.pk, account_id=account.pk, symbol=symbol, base=base, side=Side(side),
                position_side=Position.Side(position_side), quantity=D(quantity), price=D(price), fee=D(fee),
                fee_currency=fee_currency, at=at, time_zone=account.time_zone, **fields,
            )
        )  # fmt: skip

    return trade


def in_all():
    """(realised, fees, funding) of positions, round trips and days, which must be the same."""
    found = [
        tuple(
            sum((getattr(row, name) for row in model.objects.all()), D(0))
            for name in ("realised_pnl", "fees", "funding")
        )
        for model in (Position, RoundTrip, PnlDay)
    ]
    assert found[0] == found[1] == found[2]
    return found[0]


def test_a_round_trip_is_recorded_from_flat_to_flat(book):
    signal = factories.signal()
    book("buy", "2", "100", fee="0.2", starts_entry=True, signal_id=signal.pk, variant="B")
    book("buy", "1", "106", fee="0.106", at=NOW + timedelta(minutes=1))
    book("sell", "1", "110", fee="0.11", at=NOW + timedelta(minutes=2), reason="take_profit")
    assert RoundTrip.objects.get().closed_at is None
    book("sell", "2", "99", fee="0.198", at=NOW + timedelta(minutes=5), reason="stop_loss")
    trip = RoundTrip.objects.get()
    assert (trip.entered, trip.entry_value, trip.left, trip.exit_value) == (D(3), D(306), D(3), D(308))
    assert (trip.realised_pnl, trip.fees, trips.net(trip)) == (D(2), D("0.614"), D("1.386"))
    assert (trip.reason, trip.variant, trip.opened_by_id) == ("stop_loss", "B", signal.pk)
    assert trip.closed_at - trip.opened_at == timedelta(minutes=5)
    assert in_all() == (D(2), D("0.614"), D(0))


def test_the_last_piece_brings_what_an_average_was_rounded_by(book):
    """100, 100 and 101 for 3: the average is periodic, and yet nothing is lost."""
    book("buy", "2", "100")
    book("buy", "1", "101")
    assert Position.objects.get().average_price == D("100.333333333333333333")
    book("sell", "1", "100")
    book("sell", "2", "100")
    assert in_all() == (D(-1), D(0), D(0))


def test_a_second_entry_opens_a_second_record(book):
    book("buy", "1", "100")
    book("sell", "1", "101", reason="signal")
    book("buy", "1", "102")
    assert list(RoundTrip.objects.order_by("id").values_list("realised_pnl", "reason")) == [
        (D(1), "signal"),
        (D(0), ""),
    ]


def test_a_flip_closes_one_and_opens_the_other(book):
    moved = book("sell", "3", "110", fee="0.3") if book("buy", "1", "100") else []
    assert [(one.position.side, one.adds, one.opened, one.quantity) for one in moved] == [
        ("long", False, False, D(1)),
        ("short", True, True, D(2)),
    ]
    assert list(RoundTrip.objects.order_by("id").values_list("side", "entered", "fees", "realised_pnl")) == [
        ("long", D(1), D("0.3"), D(10)),
        ("short", D(2), D(0), D(0)),
    ]
    assert PnlDay.objects.get().fills == 2  # one of them traded on both sides
    in_all()


def test_days_begin_by_the_accounts_time_zone(book):
    """04:59 UTC on the 3rd is still the 2nd in New York."""
    book("buy", "2", "100", fee="1", at=datetime(2026, 3, 3, 4, 59, tzinfo=UTC))
    book("sell", "2", "103", fee="1", at=datetime(2026, 3, 3, 5, 0, tzinfo=UTC))
    rows = PnlDay.objects.order_by("day").values_list("day", "realised_pnl", "fees", "fills", "currency")
    assert list(rows) == [
        (date(2026, 3, 2), D(0), D(1), 1, "USDT"),
        (date(2026, 3, 3), D(6), D(1), 1, "USDT"),
    ]


def test_a_late_fill_counts_on_the_day_when_it_was_traded(book):
    book("buy", "1", "100", at=NOW)
    book("sell", "1", "105", at=NOW + timedelta(days=1))
    book("buy", "1", "99", at=NOW)  # the venue told of it late
    book("sell", "1", "101", at=NOW + timedelta(days=2))
    days = PnlDay.objects.order_by("day").values_list("realised_pnl", "fills")
    assert list(days) == [(D(0), 2), (D(5), 1), (D(2), 1)]
    assert in_all()[0] == D(7)


def test_a_base_fee_of_a_sale_leaves_the_venues_sum(book):
    """1 bought and 0.5 sold for a fee of 0.001: the venue has 0.499."""
    book("buy", "1", "100", base="BTC")
    book("sell", "0.5", "110", base="BTC", fee="0.001", fee_currency="BTC")
    row = Position.objects.get()
    assert (row.quantity, row.fees) == (D("0.499"), D("0.11"))
    cash = D(-100) + D(55)
    assert cash + row.quantity * row.average_price == row.realised_pnl - row.fees
    in_all()


@pytest.mark.parametrize(
    ("symbol", "base", "currency", "counted"),
    [
        ("BTC/USDT", "BTC", "USDT", "0.6"),
        ("BTC/USDT", "BTC", "", "0.6"),  # the venue does not say
        ("BTC/USDT", "BTC", "BNB", "0"),
        ("BTC/USDT:USDT", "", "BNB", "0"),
        ("BTC/USDT:USDT", "", "USDT", "0.6"),
        ("BTC/USD:USDC", "", "USDC", "0.6"),  # a linear contract pays its profit in what it is settled in
        ("ETH/BTC", "ETH", "USDT", "0"),
        ("AAPL", "AAPL", "USD", "0.6"),  # the symbol does not say
    ],
)
def test_a_fee_of_another_currency_is_not_added_up(book, symbol, base, currency, counted):
    """0.6 BNB are not 0.6 USDT: what their price is nobody says, so they stay with the fill."""
    book("buy", "1", "100", symbol=symbol, base=base, fee="0.6", fee_currency=currency)
    book("sell", "1", "110", symbol=symbol, base=base, at=NOW + timedelta(minutes=1))
    assert in_all() == (D(10), D(counted), D(0))
    assert trips.net(RoundTrip.objects.get()) == 10 - D(counted)
    assert Position.objects.get().quantity == 0  # no part of it was taken off what is held


def test_a_contracts_fee_in_its_base_is_worth_what_the_fill_paid_for_it(book):
    book("buy", "1", "100", symbol="BTC/USDT:USDT", fee="0.01", fee_currency="BTC")
    assert (in_all(), Position.objects.get().quantity) == ((D(0), D(1), D(0)), D(1))


def test_an_entry_that_fills_late_on_spot_takes_off_what_was_sold_too_much(book):
    """Bought 1, sold 1.5 (an entry of 0.5 was on its way), then its fill comes: flat, not long and short."""
    book("buy", "1", "100", base="BTC")
    book("sell", "1.5", "110", base="BTC")
    book("buy", "0.5", "100", base="BTC")
    assert [(row.side, row.quantity, row.realised_pnl) for row in Position.objects.order_by("side")] == [
        ("long", D(0), D(10)),
        ("short", D(0), D(5)),
    ]
    assert RoundTrip.objects.filter(closed_at=None).count() == 0
    in_all()


def test_contracts_keep_both_sides(book):
    book("buy", "1", "100")
    book("sell", "1", "110", position_side="short")
    assert [(row.side, row.quantity) for row in Position.objects.order_by("side")] == [("long", D(1)), ("short", D(1))]


def test_funding_is_the_positions_the_trips_and_the_days(book):
    book("buy", "1", "100")
    funding.charge(Position.objects.get(), D("0.25"), at=NOW)
    funding.charge(Position.objects.get(), D("-0.05"), at=NOW + timedelta(days=1))
    assert in_all() == (D(0), D(0), D("0.2"))
    book("sell", "1", "100")
    funding.charge(Position.objects.get(), D("0.01"), at=NOW)  # settled after it was closed
    assert RoundTrip.objects.get().funding == D("0.21")
    assert in_all() == (D(0), D(0), D("0.21"))


def test_r_is_counted_from_the_first_stop(book):
    [moved] = book("buy", "2", "100")
    trips.risk(moved.trip, D(95))
    [moved] = book("buy", "2", "104", fee="2")
    assert moved.trip.risked == D(28)  # 408 paid, 380 at the stop
    book("sell", "4", "116", fee="2")
    trip = RoundTrip.objects.get()
    assert (trip.initial_stop, trips.net(trip), trips.r_multiple(trip)) == (D(95), D(52), D("1.86"))


def test_a_position_from_before_there_were_records_gets_one(book):
    book("buy", "2", "100")
    RoundTrip.objects.all().delete()
    book("sell", "1", "103")
    book("sell", "1", "104")
    trip = RoundTrip.objects.get()
    assert (trip.entered, trip.entry_value, trip.realised_pnl) == (D(2), D(200), D(7))
    in_all()
