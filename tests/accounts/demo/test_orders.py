"""Orders as docs-v5 "Place order" has them: what is refused and with which code, and the books after what is taken."""

from decimal import Decimal

import pytest

from .asking import SPOT, SWAP, Asking

D = Decimal
LIMIT = {**SPOT, "ordType": "limit", "px": "49000"}
LIMIT.pop("tgtCcy")
NOTHING = object()


def but(asked, **fields):
    """`asked` with these fields, without those that are NOTHING."""
    return {name: value for name, value in {**asked, **fields}.items() if value is not NOTHING}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (but(SPOT, instId=NOTHING), "50014"),
        (but(SPOT, instId="XYZ-USDT"), "51001"),
        (but(SPOT, tdMode=NOTHING), "50014"),
        (but(SPOT, tdMode="cross"), "51000"),
        (but(SWAP, tdMode="cash"), "51000"),
        (but(SPOT, side="long"), "51000"),
        (but(SPOT, ordType="stop"), "51000"),
        (but(SPOT, ordType="optimal_limit_ioc", tgtCcy=NOTHING), "51000"),
        (but(SPOT, unknown="1"), "51000"),
        (but(SPOT, ccy="USDT"), "51000"),
        (but(SPOT, tag="a tag with blanks"), "51000"),
        (but(SPOT, sz=0.01), "51000"),
        (but(SPOT, sz=NOTHING), "50014"),
        (but(SPOT, sz="-1"), "51000"),
        (but(SPOT, sz="1e-2"), "51000"),
        (but(SPOT, sz="0"), "51000"),
        (but(SPOT, sz="0.000000001"), "51121"),
        (but(SPOT, sz="0.000001"), "51020"),
        (but(SWAP, sz="0.015"), "51121"),
        (but(SWAP, sz="0.001"), "51121"),
        (but(SWAP, sz="2000000"), "51202"),
        (but(SPOT, sz="3"), "51008"),
        (but(SPOT, side="sell", sz="1.00000001"), "51008"),
        (but(SWAP, sz="1000"), "51008"),
        (but(SPOT, px="50000"), "51000"),
        (but(SPOT, tgtCcy="usdt"), "51000"),
        (but(SWAP, tgtCcy="base_ccy"), "51000"),
        (but(LIMIT, tgtCcy="base_ccy"), "51000"),
        (but(LIMIT, px=NOTHING), "51204"),
        (but(LIMIT, px="49000.05"), "51150"),
        (but(LIMIT, px="56000"), "51137"),
        (but(LIMIT, side="sell", px="44000"), "51138"),
        (but(SPOT, clOrdId="has-dash"), "51000"),
        (but(SPOT, clOrdId=""), "51000"),
        (but(SPOT, clOrdId="x" * 33), "51000"),
        (but(SPOT, posSide="long"), "51000"),
        (but(SWAP, posSide="long"), "51000"),
        (but(SPOT, reduceOnly="true"), "51205"),
        (but(SWAP, reduceOnly="yes"), "51000"),
        (but(SWAP, side="sell", reduceOnly="true"), "51169"),
        (but(SWAP, attachAlgoOrds=[{"slTriggerPx": "49000"}]), "50014"),
        (but(SWAP, attachAlgoOrds=[{"slTriggerPx": "51000", "slOrdPx": "-1"}]), "51051"),
        (but(SWAP, attachAlgoOrds=[{"tpTriggerPx": "49000", "tpOrdPx": "-1"}]), "51050"),
        (but(SWAP, attachAlgoOrds=[{"slTriggerPx": "49000.01", "slOrdPx": "-1"}]), "51150"),
        (but(SWAP, attachAlgoOrds=[{"slTriggerPx": "49000", "slOrdPx": "-1", "stop": "1"}]), "51000"),
    ],
)
def test_what_is_refused(venue, ask, asked, code):
    before = venue.ledger.balances
    assert ask.order(asked) == ("", code)
    assert (venue.ledger.orders, venue.ledger.trades, venue.ledger.positions) == ([], [], [])
    assert venue.ledger.balances == before


def test_split_targets_need_sizes_that_make_up_the_order(venue, ask):
    def targets(*sizes, **last):
        made = [{"tpTriggerPx": str(51000 + n * 100), "tpOrdPx": "-1", "sz": size} for n, size in enumerate(sizes)]
        return but(SWAP, attachAlgoOrds=[*made[:-1], {**made[-1], **last}])

    assert ask.order(targets("0.5", "0.4"))[1] == "51083"
    assert ask.order(targets("0.5", "0.5", tpOrdPx="51200"))[1] == "51082"
    assert ask.order(targets("0.5", "0.5", slTriggerPx="49000", slOrdPx="-1"))[1] == "51076"
    assert ask.order(targets("0.5", "0.5"))[1] == "0"
    assert len(venue.ledger.orders) == 1


class TestSpot:
    def test_a_buy_by_base_pays_the_ask_and_its_fee_in_base(self, venue, ask):
        found = ask.placed(SPOT, clOrdId="one")
        assert (found["state"], found["accFillSz"], found["avgPx"]) == ("filled", "0.01", "50000.1")
        assert (found["fee"], found["feeCcy"], found["tgtCcy"]) == ("-0.00001", "BTC", "base_ccy")
        assert venue.ledger.balances["account-1"] == {"BTC": "1.00999", "USDT": "99499.999"}
        [fill] = ask.get("trade/fills", instType="SPOT", ordId=found["ordId"])
        assert (fill["fillSz"], fill["fillPx"], fill["fee"], fill["execType"]) == ("0.01", "50000.1", "-0.00001", "T")

    def test_a_buy_by_quote_gets_whole_lots(self, venue, ask):
        found = ask.placed(SPOT, sz="100", tgtCcy="quote_ccy")
        assert (found["sz"], found["accFillSz"]) == ("100", "0.00199999")
        assert venue.ledger.orders[0]["quantity"] == "0.00199999"

    def test_a_market_buy_without_a_currency_is_counted_in_quote(self, ask):
        found = ask.placed(but(SPOT, sz="100", tgtCcy=NOTHING))
        assert (found["tgtCcy"], found["accFillSz"]) == ("quote_ccy", "0.00199999")

    def test_a_sale_gets_the_bid_and_pays_in_quote(self, venue, ask):
        found = ask.placed(SPOT, side="sell", sz="0.5")
        assert (found["avgPx"], found["fee"], found["feeCcy"]) == ("49999.9", "-24.99995", "USDT")
        assert venue.ledger.balances["account-1"] == {"BTC": "0.5", "USDT": "124974.95005"}

    def test_a_limit_rests_holds_its_money_and_fills_at_its_price(self, venue, ask):
        resting = ask.placed(LIMIT, sz="1", clOrdId="rests")
        assert resting["state"] == "live"
        [usdt] = [row for row in ask.get("account/balance")[0]["details"] if row["ccy"] == "USDT"]
        assert (usdt["cashBal"], usdt["availBal"], usdt["ordFrozen"]) == ("100000", "51000", "49000")
        assert [row["clOrdId"] for row in ask.get("trade/orders-pending", instType="SPOT")] == ["rests"]
        venue.price("BTC-USDT", "48900")
        found = ask.get("trade/order", instId="BTC-USDT", clOrdId="rests")[0]
        assert (found["state"], found["avgPx"], found["fee"]) == ("filled", "49000", "-0.0008")
        assert ask.get("trade/orders-pending") == []
        assert [row["clOrdId"] for row in ask.get("trade/orders-history", instType="SPOT")] == ["rests"]

    def test_a_limit_through_the_market_is_taken_at_the_market(self, ask):
        assert ask.placed(LIMIT, px="51000")["avgPx"] == "50000.1"

    @pytest.mark.parametrize(
        ("kind", "price", "state", "source"),
        [
            ("post_only", "51000", "canceled", "31"),
            ("post_only", "49000", "live", ""),
            ("ioc", "49000", "canceled", "14"),
            ("fok", "49000", "canceled", "13"),
            ("ioc", "51000", "filled", ""),
            ("fok", "51000", "filled", ""),
        ],
    )
    def test_time_in_force(self, ask, kind, price, state, source):
        found = ask.placed(LIMIT, ordType=kind, px=price)
        assert (found["state"], found["cancelSource"]) == (state, source)


class TestIds:
    def test_a_used_one_is_refused_for_good(self, venue, ask):
        ask.placed(SPOT, clOrdId="a1")
        assert ask.order({**SPOT, "clOrdId": "a1", "sz": "0.02"}) == ("", "51016")
        assert len(venue.ledger.placed("a1")) == 1
        assert [one["code"] for one in venue.ledger.refused] == ["51016"]

    def test_in_binances_way_a_filled_one_is_free_again(self, venue, ask):
        venue.faults.set(reuse_ids=True)
        first = ask.placed(SPOT, clOrdId="a1")
        second = ask.placed(SPOT, clOrdId="a1")
        assert first["ordId"] != second["ordId"]
        assert len(venue.ledger.placed("a1")) == 2
        assert ask.get("trade/order", instId="BTC-USDT", clOrdId="a1")[0]["ordId"] == second["ordId"]
        ask.placed(LIMIT, clOrdId="a2")
        assert ask.order({**LIMIT, "clOrdId": "a2"}) == ("", "51016")


class TestExpiry:
    def test_a_late_order_is_refused(self, venue, ask):
        assert ask.order(SPOT, expTime="1597026383085") == ("", "50036")
        assert ask.order(SPOT, expTime="4102444800000")[1] == "0"
        assert len(venue.ledger.orders) == 1

    def test_in_binances_way_it_means_nothing(self, venue, ask):
        venue.faults.set(ignore_expiry=True)
        assert ask.order(SPOT, expTime="1597026383085")[1] == "0"


class TestCancel:
    def test_what_rests(self, venue, ask):
        resting = ask.placed(LIMIT, clOrdId="rests")
        said = ask.post("trade/cancel-order", {"instId": "BTC-USDT", "clOrdId": "rests"})
        assert (said["code"], said["data"][0]["ordId"]) == ("0", resting["ordId"])
        found = ask.get("trade/order", instId="BTC-USDT", ordId=resting["ordId"])[0]
        assert (found["state"], found["cancelSource"]) == ("canceled", "1")

    def test_what_does_not(self, ask):
        ask.placed(SPOT, clOrdId="filled")
        for asked in ({"clOrdId": "filled"}, {"clOrdId": "nobody"}, {"ordId": "1"}):
            said = ask.post("trade/cancel-order", {"instId": "BTC-USDT", **asked})
            assert (said["code"], said["data"][0]["sCode"]) == ("1", "51400")
        assert ask.post("trade/cancel-order", {"instId": "BTC-USDT"})["data"][0]["sCode"] == "51003"

    def test_several_at_once(self, venue, ask):
        said = ask.post("trade/batch-orders", [but(LIMIT, clOrdId="b1"), but(LIMIT, clOrdId="b2", sz="-1")])
        assert (said["code"], [row["sCode"] for row in said["data"]]) == ("2", ["0", "51000"])
        asked = [{"instId": "BTC-USDT", "clOrdId": name} for name in ("b1", "b2")]
        said = ask.post("trade/cancel-batch-orders", asked)
        assert (said["code"], [row["sCode"] for row in said["data"]]) == ("2", ["0", "51400"])
        assert ask.post("trade/batch-orders", [SPOT] * 21)["code"] == "51111"
        assert len(venue.ledger.orders) == 1


class TestSwap:
    def test_open_add_turn_and_close(self, venue, ask):
        ask.placed(SWAP, sz="2")
        venue.price("BTC-USDT-SWAP", "51000")
        ask.placed(SWAP, sz="2")
        [position] = ask.get("account/positions", instType="SWAP")
        assert (position["pos"], position["avgPx"], position["posSide"]) == ("4", "50500.1", "net")
        assert position["upl"] == "19.996"  # (51000 - 50500.1) × 4 × 0.01
        found = ask.placed(SWAP, side="sell", sz="5")
        assert found["pnl"] == "19.992"
        [position] = venue.ledger.positions
        assert (position["sz"], position["quantity"], position["avgPx"]) == ("-1", "-0.01", "50999.9")
        assert venue.ledger.net("BTC-USDT-SWAP") == D("-0.01")
        ask.placed(SWAP)
        assert ask.get("account/positions") == []

    def test_cash_moves_by_fees_and_what_was_realised(self, venue, ask):
        ask.placed(SWAP)  # fee 0.01 × 50000.1 × 0.0005
        ask.placed(SWAP, side="sell")  # pnl -0.002, fee 0.01 × 49999.9 × 0.0005
        assert D(venue.ledger.balances["account-1"]["USDT"]) == D(100000) - D("0.2500005") - D("0.2499995") - D("0.002")

    def test_reduce_only_takes_what_there_is_and_never_opens(self, venue, ask):
        ask.placed(SWAP, sz="2")
        assert ask.order({**SWAP, "reduceOnly": "true"}) == ("", "51170")
        found = ask.placed(SWAP, side="sell", sz="5", reduceOnly="true")
        assert (found["state"], found["accFillSz"], found["reduceOnly"]) == ("filled", "2", "true")
        assert venue.ledger.positions == []
        assert ask.order({**SWAP, "side": "sell", "reduceOnly": "true"}) == ("", "51169")

    def test_margins_are_books_of_their_own(self, venue, ask):
        ask.placed(SWAP)
        ask.placed(SWAP, tdMode="isolated", side="sell")
        assert [(one["mgnMode"], one["sz"]) for one in venue.ledger.positions] == [("cross", "1"), ("isolated", "-1")]

    def test_close_position(self, venue, ask):
        ask.placed(SWAP, sz="3")
        ask.placed(SWAP, side="sell", ordType="limit", px="52000", sz="1", reduceOnly="true")
        asked = {"instId": "BTC-USDT-SWAP", "mgnMode": "cross", "autoCxl": "true", "clOrdId": "closer"}
        assert ask.post("trade/close-position", asked)["data"][0]["clOrdId"] == "closer"
        assert (venue.ledger.positions, ask.get("trade/orders-pending")) == ([], [])
        assert ask.post("trade/close-position", asked)["code"] == "51023"

    def test_leverage_bounds_what_may_be_opened(self, venue, ask):
        size = {"instId": "BTC-USDT-SWAP", "tdMode": "cross"}
        assert ask.get("account/max-size", **size)[0]["maxBuy"][:8] == "599.9988"
        said = ask.post("account/set-leverage", {"instId": "BTC-USDT-SWAP", "lever": "10", "mgnMode": "cross"})
        assert said["data"] == [{"lever": "10", "mgnMode": "cross", "instId": "BTC-USDT-SWAP", "posSide": "net"}]
        assert ask.get("account/leverage-info", instId="BTC-USDT-SWAP", mgnMode="cross")[0]["lever"] == "10"
        assert ask.get("account/max-size", **size)[0]["maxBuy"][:9] == "1999.9960"
        too_much = {"instId": "BTC-USDT-SWAP", "lever": "101", "mgnMode": "cross"}
        assert ask.post("account/set-leverage", too_much)["code"] == "59102"
        assert ask.order({**SWAP, "sz": "1900"})[1] == "0"
        assert ask.order({**SWAP, "sz": "1900"})[1] == "51008"

    def test_a_spot_account_has_no_swaps(self, venue, ask):
        venue.change(level="1")
        assert ask.order(SWAP) == ("", "51010")

    def test_a_multi_currency_account_trades_spot_cross(self, venue, ask):
        venue.change(level="3")
        assert ask.order(SPOT) == ("", "51000")
        assert ask.order({**SPOT, "tdMode": "cross"})[1] == "0"

    def test_futures(self, venue, ask):
        [listing] = ask.get("public/instruments", instType="FUTURES")
        ask.placed(SWAP, instId=listing["instId"])
        assert venue.ledger.positions[0]["instId"] == listing["instId"]


class TestHedge:
    def test_both_sides_stand_side_by_side(self, hedged):
        hedged.placed(SWAP, posSide="long", sz="3")
        hedged.placed(SWAP, posSide="short", side="sell", sz="2")
        hedged.placed(SWAP, posSide="long", side="sell", sz="1")
        found = {one["posSide"]: one["pos"] for one in hedged.get("account/positions")}
        assert found == {"long": "2", "short": "2"}
        assert [one["quantity"] for one in hedged.venue.ledger.positions] == ["0.02", "-0.02"]

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({}, "51000"),
            ({"posSide": "net"}, "51000"),
            ({"posSide": "long", "reduceOnly": "true"}, "51000"),
            ({"posSide": "long", "side": "sell"}, "51169"),
        ],
    )
    def test_what_is_refused(self, hedged, fields, code):
        assert hedged.order({**SWAP, **fields}) == ("", code)
        assert hedged.venue.ledger.orders == []

    def test_no_more_is_closed_than_there_is(self, hedged):
        hedged.placed(SWAP, posSide="long")
        assert hedged.order({**SWAP, "posSide": "long", "side": "sell", "sz": "2"}) == ("", "51112")
        assert hedged.venue.ledger.positions[0]["sz"] == "1"

    def test_the_mode_changes_only_while_nothing_is_open(self, venue):
        ask = Asking(venue)
        ask.placed(SWAP)
        assert ask.post("account/set-position-mode", {"posMode": "long_short_mode"})["code"] == "59000"
        ask.placed(SWAP, side="sell")
        assert ask.post("account/set-position-mode", {"posMode": "long_short_mode"})["code"] == "0"
        assert ask.get("account/config")[0]["posMode"] == "long_short_mode"
