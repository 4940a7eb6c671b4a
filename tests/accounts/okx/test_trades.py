"""Whose trade it was: ours, an exit of ours that the venue fired, somebody's by hand, or the venue's own doing."""

from __future__ import annotations

import base64
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.brokers.base import AttachedExit, Cause
from accounts.brokers.okx import reports
from accounts.brokers.okx.attached import Parent, exit_id, parent_of
from tests.fakes.venue import running_venue
from tradeops.core.money import OrderType, Side

from .support import ID, SPOT, SWAP, Stub, broker, now, request, tapped

D = Decimal
STOP_LOSS = AttachedExit(kind=Cause.STOP_LOSS, trigger=D(49000))
TAKE_PROFIT = AttachedExit(kind=Cause.TAKE_PROFIT, trigger=D(52000))


def since():
    return now() - timedelta(minutes=1)


def shown(trades) -> list[tuple]:
    return [(one.client_order_id, one.parent_client_order_id, one.cause, one.side, one.fill.quantity) for one in trades]


def test_our_own_trades_and_those_by_hand():
    with running_venue() as venue:
        okx = broker(venue)
        okx.place(request(), now=now())
        by_hand = venue.trade("BTC-USDT", "sell", "0.5")
        first, second = okx.trades(since=since())
        assert shown([first, second]) == [
            (ID, "", Cause.HAND, Side.BUY, D("0.01")),
            ("", "", Cause.HAND, Side.SELL, D("0.5")),
        ]
        assert second.venue_order_id == by_hand
        assert (second.symbol, second.position_side) == (SPOT, "")
        assert first.fill == okx.fetch(ID, symbol=SPOT, now=now()).fills[0]


def test_who_asked_for_a_trade_is_asked_once():
    with running_venue() as venue, tapped(venue) as tap:
        okx = broker(venue, url=tap.url)
        venue.trade("BTC-USDT", "sell", "0.5")
        okx.place(request(), now=now())
        asked = len(tap.sent("/trade/order"))
        okx.trades(since=since())
        okx.trades(since=since())
        orders = [seen.query.get("ordId") for seen in tap.sent("/trade/order")[asked:]]
        assert orders == [venue.ledger.orders[0]["ordId"]]


def test_a_stop_loss_that_the_venue_fired_names_its_entry():
    with running_venue() as venue:
        okx = broker(venue, "swap")
        okx.place(request(SWAP, attached=(STOP_LOSS,)), now=now())
        venue.price("BTC-USDT-SWAP", "48900")
        assert shown(okx.trades(since=since())) == [
            (ID, "", Cause.HAND, Side.BUY, D("0.01")),
            ("", ID, Cause.STOP_LOSS, Side.SELL, D("0.01")),
        ]
        assert okx.positions() == ()


def test_of_a_stop_loss_and_take_profit_in_one_it_is_asked_which_fired():
    for price, cause in (("48900", Cause.STOP_LOSS), ("52100", Cause.TAKE_PROFIT)):
        with running_venue() as venue:
            okx = broker(venue, "swap")
            okx.place(request(SWAP, attached=(STOP_LOSS, TAKE_PROFIT)), now=now())
            venue.price("BTC-USDT-SWAP", price)
            assert shown(okx.trades(since=since()))[1] == ("", ID, cause, Side.SELL, D("0.01"))


def test_each_of_several_take_profits_names_the_entry():
    exits = (
        AttachedExit(kind=Cause.TAKE_PROFIT, trigger=D(51000), share=D("0.5")),
        AttachedExit(kind=Cause.TAKE_PROFIT, trigger=D(52000), share=D("0.5")),
        STOP_LOSS,
    )
    with running_venue(position_mode="long_short_mode") as venue:
        okx = broker(venue, "swap")
        okx.place(request(SWAP, quantity="0.02", attached=exits), now=now())
        venue.price("BTC-USDT-SWAP", "51000")
        venue.price("BTC-USDT-SWAP", "52000")
        trades = okx.trades(since=since())
        assert shown(trades)[1:] == [
            ("", ID, Cause.TAKE_PROFIT, Side.SELL, D("0.01")),
            ("", ID, Cause.TAKE_PROFIT, Side.SELL, D("0.01")),
        ]
        assert {trade.position_side for trade in trades} == {"long"}


def test_a_stop_order_of_ours_is_ours_when_it_trades():
    with running_venue() as venue:
        okx = broker(venue, "swap")
        okx.place(request(SWAP, type=OrderType.STOP, stop_price=D(51000)), now=now())
        venue.price("BTC-USDT-SWAP", "51000")
        assert shown(okx.trades(since=since())) == [(ID, "", Cause.HAND, Side.BUY, D("0.01"))]


def test_a_liquidation_is_one():
    with running_venue() as venue:
        okx = broker(venue, "swap")
        okx.place(request(SWAP), now=now())
        venue.liquidate("BTC-USDT-SWAP")
        assert shown(okx.trades(since=since()))[1] == ("", "", Cause.LIQUIDATION, Side.SELL, D("0.01"))


def test_auto_deleveraging_is_the_venue_s_doing():
    with running_venue() as venue:
        okx = broker(venue, "swap")
        okx.place(request(SWAP), now=now())
        venue.trade("BTC-USDT-SWAP", "sell", "1", category="adl", reduce_only=True)
        assert shown(okx.trades(since=since()))[1][2] is Cause.VENUE


def test_funding_is_a_trade_of_nothing_with_what_was_paid():
    with running_venue() as venue:
        okx = broker(venue, "swap")
        okx.place(request(SWAP), now=now())
        venue.fund("BTC-USDT-SWAP", "-1.25")
        venue.fund("BTC-USDT-SWAP", "0.5")
        funding = [trade for trade in okx.trades(since=since()) if trade.cause is Cause.FUNDING]
        assert [(one.fill.quantity, one.fill.fee, one.fill.fee_currency, one.symbol) for one in funding] == [
            (D(0), D("1.25"), "USDT", SWAP),
            (D(0), D("-0.5"), "USDT", SWAP),
        ]
        assert len({one.fill.trade_id for one in funding}) == 2
        assert okx.trades(since=since(), symbol="ETH/USDT:USDT") == ()


def test_funding_of_last_month_is_in_the_archive():
    with running_venue() as venue, tapped(venue) as tap:
        venue.fund("BTC-USDT-SWAP", "-1.25")
        trades = broker(venue, "swap", url=tap.url).trades(since=now() - timedelta(days=30))
        assert [trade.fill.fee for trade in trades] == [D("1.25")]
        assert tap.sent("/account/bills") == []


def test_only_the_symbol_that_was_asked_for_and_only_since_then():
    with running_venue() as venue, tapped(venue) as tap:
        okx = broker(venue, url=tap.url)
        venue.trade("BTC-USDT", "buy", "0.1")
        venue.trade("ETH-USDT", "buy", "0.2")
        assert [trade.symbol for trade in okx.trades(since=since(), symbol="ETH/USDT")] == ["ETH/USDT"]
        assert [trade.symbol for trade in okx.trades(since=since())] == ["BTC/USDT", "ETH/USDT"]
        assert okx.trades(since=now() + timedelta(minutes=1)) == ()
        assert tap.sent("/trade/fills")[0].query.keys() == {"instId", "begin", "limit"}


def test_other_markets_of_the_same_account_are_not_this_account_s():
    with running_venue() as venue:
        venue.trade("BTC-USDT", "buy", "0.1")
        venue.trade("BTC-USDT-SWAP", "buy", "1")
        spot, swap = broker(venue), broker(venue, "swap")
        assert [trade.symbol for trade in spot.trades(since=since())] == ["BTC/USDT"]
        assert [trade.symbol for trade in swap.trades(since=since())] == ["BTC/USDT:USDT"]
        given = {"type": OrderType.LIMIT, "price": D(49000)}
        spot.place(request(client_order_id="spot", **given), now=now())
        swap.place(request(SWAP, client_order_id="swap", **given), now=now())
        assert [one.client_order_id for one in swap.open_orders()] == ["swap"]
        assert spot.cancel_all() == 1
        assert [one.client_order_id for one in swap.open_orders()] == ["swap"]


def test_a_booking_without_a_counterpart_is_known_by_its_bill():
    row = {"tradeId": "0", "billId": "77", "fillSz": "1", "fillPx": "2", "ts": "1"}
    with running_venue() as venue:
        traded = broker(venue, "swap")._instruments.get(SWAP)
    assert reports.fill(row, traded).trade_id == "bill-77"
    assert reports.fill(row | {"tradeId": "5"}, traded).trade_id == "5"


LISTED = {
    "instId": "BTC-USDT-SWAP", "ctVal": "0.01", "ctMult": "1", "ctValCcy": "BTC", "ctType": "linear", "lotSz": "0.01",
    "minSz": "0.01", "tickSz": "0.1",
}  # fmt: skip
TRIGGERED = {
    "instId": "BTC-USDT-SWAP", "ordId": "5", "clOrdId": "O3833848819892766720", "algoId": "9", "side": "sell",
    "state": "live", "accFillSz": "0", "sz": "1", "category": "normal",
}  # fmt: skip
FILL = {
    "instId": "BTC-USDT-SWAP", "ordId": "5", "clOrdId": "O3833848819892766720", "tradeId": "3", "billId": "8",
    "subType": "5", "fillSz": "1", "fillPx": "49000", "side": "sell", "posSide": "net", "fee": "-0.2",
    "feeCcy": "USDT", "ts": "1795278286753", "fillTime": "1795278286753",
}  # fmt: skip


@pytest.mark.parametrize(
    ("order", "algo", "expected"),
    [
        ({"algoClOrdId": exit_id(ID, "s", 0), "source": "7"}, {}, ("", ID, Cause.STOP_LOSS)),
        ({"algoClOrdId": exit_id(ID, "b", 0), "source": "7"}, {"actualSide": "tp"}, ("", ID, Cause.TAKE_PROFIT)),
        ({"algoClOrdId": ID, "source": "6"}, {}, (ID, "", Cause.HAND)),
        ({"algoClOrdId": "", "source": "7"}, {"actualSide": "tp"}, ("", "", Cause.TAKE_PROFIT)),
        ({"algoClOrdId": "", "source": "7"}, {"actualSide": "sl"}, ("", "", Cause.STOP_LOSS)),
        ({"algoClOrdId": "", "source": "25"}, {}, ("", "", Cause.TRAILING)),
        ({"algoClOrdId": "", "source": "6"}, {}, ("", "", Cause.HAND)),
        ({"algoClOrdId": "", "source": "", "clOrdId": ID}, {}, (ID, "", Cause.HAND)),
        ({"algoClOrdId": "", "category": "partial_liquidation"}, {}, ("", "", Cause.LIQUIDATION)),
    ],
    ids=["our stop loss", "our take profit", "our stop order", "their take profit", "their stop loss",
         "their trailing stop", "their trigger order", "ours, and the fill does not say so", "liquidation"],
)  # fmt: skip
def test_the_id_that_okx_gives_to_a_triggered_order_is_nobody_s(order, algo, expected):
    rows = {
        "/public/instruments": [LISTED], "/trade/fills": [FILL], "/account/bills": [],
        "/trade/order": [TRIGGERED | order], "/trade/order-algo": [{"algoId": "9"} | algo],
    }  # fmt: skip
    with Stub(rows=rows) as stub, running_venue() as venue:
        [trade] = broker(venue, "swap", url=stub.url).trades(since=since())
    assert (trade.client_order_id, trade.parent_client_order_id, trade.cause) == expected


def test_a_triggered_order_that_rests_is_listed_under_our_id():
    rows = {
        "/public/instruments": [LISTED], "/trade/orders-algo-pending": [],
        "/trade/orders-pending": [TRIGGERED | {"algoClOrdId": ID}],
    }  # fmt: skip
    with Stub(rows=rows) as stub, running_venue() as venue:
        [order] = broker(venue, "swap", url=stub.url).open_orders()
    assert (order.client_order_id, order.venue_order_id, order.quantity) == (ID, "5", D("0.01"))


def test_more_than_a_page_of_trades_is_read_to_its_end():
    with running_venue() as venue, tapped(venue) as tap:
        for _ in range(105):
            venue.trade("BTC-USDT", "buy", "0.001")
        okx = broker(venue, url=tap.url)
        trades = okx.trades(since=since())
        assert len({trade.fill.trade_id for trade in trades}) == 105
        assert [trade.fill.at for trade in trades] == sorted(trade.fill.at for trade in trades)
        assert ["after" in seen.query for seen in tap.sent("/trade/fills")] == [False, True]


def test_trades_of_last_week_are_in_the_history():
    with running_venue() as venue, tapped(venue) as tap:
        venue.trade("BTC-USDT", "buy", "1")
        trades = broker(venue, url=tap.url).trades(since=now() - timedelta(days=10))
        assert len(trades) == 1
        assert tap.sent("/trade/fills") == []
        assert len(tap.sent("/trade/fills-history")) == 1


# The ids of attached exits ----------------------------------------------------------------------------------------
@given(raw=st.binary(min_size=20, max_size=20), kind=st.sampled_from("stb"), number=st.integers(0, 61))
@settings(max_examples=200)
def test_an_exit_s_id_holds_its_entry_s_whole(raw, kind, number):
    entry = base64.b32encode(raw).decode().lower()
    name = exit_id(entry, kind, number)
    assert len(name) <= 32
    assert name.isalnum()
    assert name.isascii()
    cause = {"s": Cause.STOP_LOSS, "t": Cause.TAKE_PROFIT, "b": None}[kind]
    assert parent_of(name) == Parent(entry, cause)


def test_other_ids_are_nobody_s_exit():
    for other in ("", ID, "TOs0", "TOx0" + "0" * 27, "TOs0" + "-" * 27, "TOs0" + "z" * 27):
        assert parent_of(other) is None
    assert exit_id("short", "s", 0) == ""
    assert exit_id(ID.upper(), "s", 0) == ""
