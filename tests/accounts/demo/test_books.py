"""The venue's books under any sequence of orders: what others are compared with must itself add up."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.demo import control, setup, trading, triggers
from accounts.demo.calls import Call
from accounts.demo.venue import Venue

D = Decimal
START = D(1000000)
SIGN = {"buy": 1, "sell": -1}
steps = st.lists(
    st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 500), st.integers(45000, 55000), st.booleans()),
    max_size=25,
)


def traded(inst_id, orders, *, spot=False, **fields):
    """A venue after these market orders, each at its own price; what it refused is left out of nothing."""
    books = setup.account(1, balances={"USDT": str(START), "BTC": "10"})
    venue = Venue([books])
    triggers.attach(venue)
    for side, size, price, reduces in orders:
        control.price(venue, inst_id=inst_id, last=str(price))
        asked = {"instId": inst_id, "side": side, "ordType": "market", "sz": str(D(size) / 100), **fields}
        asked |= {"tgtCcy": "base_ccy"} if spot else {"reduceOnly": "true"} if reduces else {}
        trading.place(Call(venue=venue, books=books, query={}, body=asked))
    return venue, books


def trades_of(venue):
    return [one for one in venue.ledger.since() if one["what"] == "trade"]


@given(steps)
@settings(max_examples=60, deadline=None)
def test_a_swaps_position_and_equity_are_the_sum_of_its_trades(orders):
    venue, books = traded("BTC-USDT-SWAP", orders, tdMode="cross")
    trades = trades_of(venue)
    net = sum((D(one["quantity"]) * SIGN[one["side"]] for one in trades), D(0))
    fees = sum((D(one["fee"]) for one in trades), D(0))
    spent = sum((D(one["quantity"]) * D(one["px"]) * SIGN[one["side"]] for one in trades), D(0))
    held = sum((D(one["quantity"]) for one in control.ledger(venue)["positions"]), D(0))
    assert held == net
    last = venue.prices.of("BTC-USDT-SWAP").last
    profit = sum((one.profit(last) for one in books.open_positions()), D(0))
    # An average price is a quotient: equal to far below a cent, not to the last digit.
    assert abs(books.cash["USDT"] + profit - (START - fees - spent + net * last)) < D("1e-9")


@given(steps)
@settings(max_examples=60, deadline=None)
def test_reduce_only_never_opens_or_turns(orders):
    held = D(0)
    venue, _ = traded("BTC-USDT-SWAP", orders, tdMode="cross")
    reduces = {one["ordId"] for one in venue.ledger.since() if one["what"] == "order" and one["reduceOnly"]}
    for one in trades_of(venue):
        after = held + D(one["quantity"]) * SIGN[one["side"]]
        if one["ordId"] in reduces:
            assert abs(after) < abs(held)
            assert after * held >= 0
        held = after


@given(steps)
@settings(max_examples=60, deadline=None)
def test_spot_cash_moves_by_trades_and_fees_and_is_never_overdrawn(orders):
    venue, books = traded("BTC-USDT", orders, spot=True, tdMode="cash")
    base, quote = D(10), START
    for one in trades_of(venue):
        quantity, value = D(one["quantity"]) * SIGN[one["side"]], D(one["quantity"]) * D(one["px"])
        fee = D(one["fee"])
        base += quantity - (fee if one["feeCcy"] == "BTC" else 0)
        quote -= value * SIGN[one["side"]] + (fee if one["feeCcy"] == "USDT" else 0)
        assert base >= 0
        assert quote >= 0
    assert (books.cash["BTC"], books.cash["USDT"]) == (base, quote)
