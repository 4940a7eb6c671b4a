"""Contracts at the paper venue: margin, profit, funding, liquidation."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from signals.paper import margin
from tests.paper.conftest import SWAP

D = Decimal
HOUR = 3600


def test_a_long_and_its_profit(venue):
    found = venue(SWAP, fee_bps=D(10))
    found.quote("100")
    found.order("buy", "2", leverage="5")
    row = found.book.positions["BTC/USDT:USDT"]
    assert (row.quantity, row.average_price, row.margin, row.leverage) == (D(2), D(100), D(40), D(5))
    assert found.book.amounts == {"USDT": D("999.8")}
    assert found.book.free("USDT") == D("959.8")
    found.quote("110")
    assert found.book.free("USDT") == D("959.8")  # profit that is not taken is not spent
    found.quote("90")
    assert found.book.free("USDT") == D("939.8")
    sell = found.order("sell", "2", closes=True)
    assert (sell.status, found.book.amounts["USDT"]) == ("FILLED", D("999.8") - 20 - D("0.18"))
    assert (row.quantity, row.average_price, row.margin) == (D(0), None, D(0))


def test_adding_averages_and_reducing_keeps_the_average(swap):
    swap.quote("100")
    swap.order("buy", "1")
    swap.quote("130")
    swap.order("buy", "2")
    row = swap.book.positions["BTC/USDT:USDT"]
    assert (row.quantity, row.average_price) == (D(3), D(120))
    swap.order("sell", "1")
    assert (row.quantity, row.average_price, swap.book.amounts["USDT"]) == (D(2), D(120), D(1010))


def test_a_sell_through_zero_turns_the_position_round(swap):
    swap.quote("100")
    swap.order("buy", "1")
    swap.quote("105")
    swap.order("sell", "3")
    row = swap.book.positions["BTC/USDT:USDT"]
    assert (row.quantity, row.average_price, swap.book.amounts["USDT"]) == (D(-2), D(105), D(1005))


def test_the_margin_must_be_there(swap):
    swap.quote("100")
    over = swap.order("buy", "10.1")
    assert (over.status, over.code, over.message) == ("REJECTED", "insufficient_funds", "needs 1010 USDT; 1000 is free")
    assert swap.order("buy", "10.1", leverage="2").status == "FILLED"


def test_a_close_only_reduces(swap):
    swap.quote("100")
    nothing = swap.order("sell", "1", closes=True)
    assert (nothing.status, nothing.code) == ("REJECTED", "nothing_to_reduce")
    assert nothing.message == "there is no long position in BTC/USDT:USDT to reduce"
    swap.order("sell", "1")
    assert swap.order("sell", "1", closes=True).code == "nothing_to_reduce"
    assert swap.order("buy", "5", closes=True).filled == 1
    assert swap.book.net("BTC/USDT:USDT") == 0


@pytest.mark.parametrize(("side", "paid"), [("buy", "-0.02"), ("sell", "0.02")])
def test_funding_each_eight_hours_by_the_mark(swap, side, paid):
    swap.quote("100")  # 14:30:01
    swap.order(side, "2")
    swap.quote("100", after=HOUR)
    assert swap.book.moves == []
    swap.quote("100", after=HOUR)  # 16:30
    assert [(move.cause, move.amount, move.at.hour, move.at.minute) for move in swap.book.moves] == [
        ("funding", D(paid), 16, 0)
    ]
    swap.quote("100", after=1)
    assert len(swap.book.moves) == 1
    swap.quote("50", after=24 * HOUR)
    assert [move.amount for move in swap.book.moves[1:]] == [D(paid) / 2] * 3
    assert swap.book.amounts["USDT"] == 1000 + sum(move.amount for move in swap.book.moves)


def test_the_moments_of_funding():
    since = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    until = datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
    assert list(margin.due(since, until)) == [datetime(2026, 3, 2, 16, tzinfo=UTC), until]


def test_cross_is_liquidated_when_the_balance_is_used_up(swap):
    swap.quote("100")
    swap.order("buy", "50", leverage="10")
    row = swap.book.positions["BTC/USDT:USDT"]
    # 1000 + 50 (p - 100) = 0.005 × 50 p
    edge = margin.liquidation_price(swap.book, row)
    assert edge == D("80.40201005")
    swap.quote("80.41")
    assert row.quantity == 50
    swap.quote("80.40")
    assert (row.quantity, swap.book.amounts["USDT"]) == (D(0), D(1000) + 50 * (D("80.4") - 100))
    [order] = [one for one in swap.book.new if one.cause]
    assert (order.cause, order.side, order.quantity, order.status) == ("liquidation", "sell", D(50), "FILLED")
    assert order.client_order_id.startswith("venue")
    assert swap.book.moves == []


def test_a_gap_beyond_the_balance_is_the_insurance_funds(swap):
    swap.quote("100")
    swap.order("buy", "50", leverage="10")
    swap.quote("60")
    assert swap.book.amounts["USDT"] == 0
    [move] = swap.book.moves
    assert (move.cause, move.amount, move.note) == ("insurance", D(1000), "from the insurance fund")


def test_isolated_loses_its_margin_at_most(swap):
    swap.quote("100")
    swap.order("sell", "5", leverage="10", margin_mode="isolated")
    row = swap.book.positions["BTC/USDT:USDT"]
    # 50 + 5 (100 - p) = 0.005 × 5 p
    assert margin.liquidation_price(swap.book, row) == D("109.45273632")
    swap.quote("109.4")
    assert row.quantity == -5
    swap.quote("130")
    assert (row.quantity, swap.book.amounts["USDT"]) == (D(0), D(950))


def test_a_contract_is_left_at_once_and_entered_as_the_sizes_come(swap):
    swap.quote("1", ask_size="1", bid_size="1")
    buy = swap.order("buy", "50", leverage="10")
    assert (buy.status, buy.filled, buy.held) == ("PARTIALLY_FILLED", D(20), D(3))
    sell = swap.order("sell", "20", closes=True)
    assert (sell.status, sell.filled) == ("FILLED", D(20))
    swap.quote("1", ask_size="30")
    assert (buy.status, swap.book.net("BTC/USDT:USDT"), swap.book.held) == ("FILLED", D(30), {"USDT": D(0)})
