"""Stops, targets, triggers and trailing stops (docs-v5, "Algo Trading"), alone and attached to an entry."""

import pytest

from .asking import SPOT, SWAP

STOP = {
    "instId": "BTC-USDT-SWAP",
    "tdMode": "cross",
    "side": "sell",
    "ordType": "conditional",
    "sz": "2",
    "slTriggerPx": "49000",
    "slOrdPx": "-1",
    "reduceOnly": "true",
    "algoClOrdId": "stop1",
}
TARGET = {**STOP, "algoClOrdId": "target1", "tpTriggerPx": "51000", "tpOrdPx": "-1"}
for name in ("slTriggerPx", "slOrdPx"):
    TARGET.pop(name)
TRIGGER = {"instId": "BTC-USDT-SWAP", "tdMode": "cross", "side": "buy", "ordType": "trigger", "sz": "1",
           "triggerPx": "51000", "orderPx": "-1", "algoClOrdId": "breakout"}  # fmt: skip
TRAIL = {"instId": "BTC-USDT-SWAP", "tdMode": "cross", "side": "sell", "ordType": "move_order_stop", "sz": "2",
         "callbackRatio": "0.02", "reduceOnly": "true", "algoClOrdId": "trail1"}  # fmt: skip


@pytest.fixture
def place(ask):
    def placed(asked, **fields):
        row = ask.post("trade/order-algo", {**asked, **fields})["data"][0]
        return row["sCode"]

    return placed


@pytest.fixture
def look(ask):
    return lambda name: ask.get("trade/order-algo", algoClOrdId=name)[0]


def test_a_stop_waits_and_fires_an_order_that_says_what_it_is(venue, ask, place, look):
    ask.placed(SWAP, sz="2")
    assert place(STOP) == "0"
    assert [row["algoClOrdId"] for row in ask.get("trade/orders-algo-pending", ordType="conditional,oco")] == ["stop1"]
    venue.price("BTC-USDT-SWAP", "49000.1")
    assert look("stop1")["state"] == "live"
    venue.price("BTC-USDT-SWAP", "48990")
    fired = look("stop1")
    assert (fired["state"], fired["actualSide"], fired["actualSz"]) == ("effective", "sl", "2")
    order = ask.get("trade/order", instId="BTC-USDT-SWAP", ordId=fired["ordId"])[0]
    assert (order["algoClOrdId"], order["source"], order["avgPx"]) == ("stop1", "7", "48989.9")
    assert order["clOrdId"] == f"O{order['ordId']}"  # not ours
    assert ask.get("trade/fills", ordId=order["ordId"])[0]["clOrdId"] == ""
    assert venue.ledger.positions == []
    assert ask.get("trade/orders-algo-history", ordType="conditional", state="effective")[0]["algoClOrdId"] == "stop1"


def test_a_stop_never_closes_more_than_there_is(venue, ask, place, look):
    ask.placed(SWAP, sz="2")
    place(STOP, sz="5")
    venue.price("BTC-USDT-SWAP", "48000")
    assert look("stop1")["actualSz"] == "2"
    place(STOP, algoClOrdId="stop2", slTriggerPx="47000")
    venue.price("BTC-USDT-SWAP", "46000")
    assert (look("stop2")["state"], look("stop2")["failCode"]) == ("order_failed", "51169")
    assert venue.ledger.positions == []


def test_a_whole_position_by_fraction(venue, ask, place, look):
    ask.placed(SWAP, sz="3")
    asked = {name: value for name, value in STOP.items() if name != "sz"}
    assert place(asked, closeFraction="0.5") == "51000"
    assert place(asked, closeFraction="1") == "0"
    ask.placed(SWAP, sz="4")
    venue.price("BTC-USDT-SWAP", "48000")
    assert look("stop1")["actualSz"] == "7"


def test_a_target_and_an_oco(venue, ask, place, look):
    ask.placed(SWAP, sz="4")
    place(TARGET)
    place({**STOP, **TARGET}, ordType="oco", algoClOrdId="both")
    venue.price("BTC-USDT-SWAP", "51000")
    assert (look("target1")["actualSide"], look("both")["actualSide"]) == ("tp", "tp")
    assert venue.ledger.positions == []


def test_a_trigger_opens_when_it_is_crossed_from_either_side(venue, place, look):
    place(TRIGGER)
    place(TRIGGER, triggerPx="49000", algoClOrdId="dip")
    venue.price("BTC-USDT-SWAP", "50999")
    assert (look("breakout")["state"], look("dip")["state"]) == ("live", "live")
    venue.price("BTC-USDT-SWAP", "51001")
    venue.price("BTC-USDT-SWAP", "48999")
    assert (look("breakout")["state"], look("dip")["state"]) == ("effective", "effective")
    assert venue.ledger.positions[0]["sz"] == "2"


def test_a_trailing_stop_follows_the_best_price_from_where_it_is_armed(venue, ask, place, look):
    ask.placed(SWAP, sz="2")
    assert place(TRAIL, activePx="51000") == "0"
    for price, state in (
        ("49000", "live"),
        ("51000", "live"),
        ("52000", "live"),
        ("50961", "live"),
        ("50960", "effective"),
    ):
        venue.price("BTC-USDT-SWAP", price)
        assert look("trail1")["state"] == state, price
    assert venue.ledger.positions == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({**STOP, "slTriggerPx": "51000"}, "51280"),
        ({**TARGET, "tpTriggerPx": "49000"}, "51279"),
        ({**STOP, "side": "buy"}, "51278"),
        ({**TARGET, "side": "buy"}, "51277"),
        ({**STOP, "slTriggerPx": "49000.01"}, "51150"),
        ({**STOP, "sz": "0.015"}, "51121"),
        ({**STOP, "tpTriggerPx": "51000", "tpOrdPx": "-1"}, "50015"),
        ({**STOP, "triggerPx": "49000"}, "51000"),
        ({**STOP, "clOrdId": "x"}, "51000"),
        ({**TRIGGER, "tgtCcy": "base_ccy"}, "51281"),
        ({**TRIGGER, "instId": "BTC-USDT", "tdMode": "cash", "tgtCcy": "base_ccy"}, "51281"),
        ({**TRAIL, "callbackRatio": "0.0001"}, "51311"),
        ({**TRAIL, "callbackSpread": "100"}, "50015"),
        ({**TRAIL, "activePx": "49000"}, "51258"),
        ({**STOP, "posSide": "long"}, "51000"),
    ],
)
def test_what_is_refused(venue, ask, asked, code):
    said = ask.post("trade/order-algo", asked)
    assert (said["data"][0]["sCode"] if said["data"] else said["code"]) == code
    assert [one["what"] for one in venue.ledger.entries] in ([], ["refused"])


def test_an_id_is_used_once_and_a_cancel_ends_it(ask, place, look):
    assert (place(TRIGGER), place(TRIGGER)) == ("0", "51065")
    asked = [{"instId": "BTC-USDT-SWAP", "algoId": look("breakout")["algoId"]}]
    assert ask.post("trade/cancel-algos", asked)["data"][0]["sCode"] == "0"
    assert look("breakout")["state"] == "canceled"
    assert ask.post("trade/cancel-algos", asked)["data"][0]["sCode"] == "51400"


class TestAttached:
    EXITS = [
        {"attachAlgoClOrdId": "sl1", "slTriggerPx": "49000", "slOrdPx": "-1"},
        {"attachAlgoClOrdId": "tp1", "tpTriggerPx": "51000", "tpOrdPx": "-1", "sz": "1"},
        {"attachAlgoClOrdId": "tp2", "tpTriggerPx": "52000", "tpOrdPx": "-1", "sz": "1"},
    ]

    def test_they_are_armed_by_the_fill_and_end_with_the_position(self, venue, ask, look):
        entry = ask.placed(SWAP, sz="2", attachAlgoOrds=self.EXITS)
        assert {look(name)["state"] for name in ("sl1", "tp1", "tp2")} == {"live"}
        assert look("sl1")["linkedOrd"] == {"ordId": entry["ordId"]}
        venue.price("BTC-USDT-SWAP", "51000")
        assert venue.ledger.positions[0]["sz"] == "1"
        venue.price("BTC-USDT-SWAP", "48900")
        assert (look("sl1")["state"], look("tp2")["state"]) == ("effective", "canceled")
        assert venue.ledger.positions == []

    def test_an_entry_that_rests_arms_nothing_yet(self, venue, ask):
        ask.placed(SWAP, ordType="limit", px="49500", clOrdId="rests",
                   attachAlgoOrds=[{"attachAlgoClOrdId": "sl1", "slTriggerPx": "49000", "slOrdPx": "-1"}])  # fmt: skip
        assert ask.get("trade/orders-algo-pending", ordType="conditional") == []
        venue.price("BTC-USDT-SWAP", "49400")
        assert [row["algoClOrdId"] for row in ask.get("trade/orders-algo-pending", ordType="conditional")] == ["sl1"]

    def test_on_spot_they_sell_what_the_fee_has_left(self, venue, ask, look):
        venue.deposit("BTC", "-1")
        ask.placed(SPOT, attachAlgoOrds=[self.EXITS[0]])
        venue.price("BTC-USDT", "48000")
        assert look("sl1")["actualSz"] == "0.00999"

    def test_what_only_reduces_has_none(self, ask):
        ask.placed(SWAP, sz="2")
        asked = {**SWAP, "side": "sell", "reduceOnly": "true", "attachAlgoOrds": [self.EXITS[0]]}
        assert ask.order(asked) == ("", "51100")
