"""What OKX takes at once at the market, which is less than in a limit («Get instruments»)."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from tests.fakes.venue import running_venue
from tradeops.core.money import OrderType

from .support import FUTURE, SPOT, SWAP, Stub, broker

D = Decimal
CONTRACT = {
    "instId": "BTC-USDT-SWAP", "ctVal": "0.01", "ctMult": "1", "ctValCcy": "BTC", "ctType": "linear", "lotSz": "0.01",
    "minSz": "0.01", "tickSz": "0.1", "maxLmtSz": "100000000", "maxMktSz": "12000", "maxStopSz": "12000",
    "maxTriggerSz": "100000000", "maxMktAmt": "",
}  # fmt: skip
COINS = {
    "instId": "BTC-USDT", "lotSz": "0.00000001", "minSz": "0.00001", "tickSz": "0.1", "maxLmtSz": "9999",
    "maxMktSz": "1000000", "maxStopSz": "1000000", "maxTriggerSz": "9999", "maxMktAmt": "2000000",
}  # fmt: skip


def listed(symbol, market, **row):
    given = {**(COINS if market == "spot" else CONTRACT), **row}
    answer = (200, json.dumps({"code": "0", "data": [given]}).encode())
    with Stub(answer) as stub, running_venue() as venue:
        return broker(venue, market, url=stub.url).instrument(symbol)


def test_contracts_count_it_in_contracts():
    found = listed(SWAP, "swap")
    assert (found.max_quantity, found.max_market_quantity, found.max_market_worth) == (D(1000000), D(120), D(0))


@pytest.mark.parametrize(
    ("row", "most"),
    [
        ({"maxStopSz": "10000"}, "100"),
        ({"maxMktSz": "", "maxStopSz": ""}, "1000000"),
        ({"maxMktSz": "0"}, "120"),
        ({"maxMktSz": "200000000", "maxStopSz": "200000000"}, "1000000"),
    ],
)
def test_the_smallest_bound_that_is_told(row, most):
    found = listed(SWAP, "swap", **row)
    assert found.most_at_once(OrderType.MARKET, price=D(50000)) == D(most)


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        (OrderType.MARKET, D(19)),
        (OrderType.STOP, D(19)),
        (OrderType.TRAILING_STOP, D(19)),
        (OrderType.LIMIT, D(9999)),
        (OrderType.STOP_LIMIT, D(9999)),
    ],
)
def test_spot_counts_it_in_money_with_room_for_a_price_that_moves(kind, most):
    found = listed(SPOT, "spot")
    assert found.max_market_worth == D(950000)
    assert found.most_at_once(kind, price=D(50000)) == most
    assert found.most_at_once(kind, price=D(0)) == D(9999)


def test_the_smaller_of_two_amounts_and_none_in_another_currency():
    assert listed(SPOT, "spot", maxMktAmt="100000").max_market_worth == D(95000)
    assert listed("ETH/BTC", "spot", instId="ETH-BTC").max_market_worth == D(0)


def test_the_demo_venue_s_own_listing():
    with running_venue() as venue:
        venue.most_at_market("BTC-USDT-SWAP", "40")
        assert broker(venue, "swap").instrument(SWAP).max_market_quantity == D("0.4")
        assert broker(venue, "swap").instrument(FUTURE).max_market_quantity == D(10000)
