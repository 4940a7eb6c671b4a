"""What the paper venue does with orders and quotes, to the last digit (X10)."""

from decimal import Decimal

import pytest

from tests.paper.conftest import SPOT

D = Decimal


class TestTaking:
    def test_a_market_order_pays_the_slippage_once_where_no_size_is_told(self, venue):
        found = venue(SPOT, slippage_bps=D(5), fee_bps=D(10))
        found.quote("99", "100")
        buy = found.order("buy", "2")
        assert (buy.status, found.trades(buy), buy.fee) == ("FILLED", [(D(2), D("100.05"))], D("0.2001"))
        sell = found.order("sell", "1")
        assert found.trades(sell) == [(D(1), D("98.9505"))]
        assert found.book.amounts == {
            "USDT": D(1000) - D("200.1") - D("0.2001") + D("98.9505") - D("0.0989505"),
            "BTC": D(1),
        }

    def test_beyond_what_is_there_each_level_is_dearer(self, venue):
        found = venue(SPOT, slippage_bps=D(100))
        found.quote("99", "100", ask_size="1")
        buy = found.order("buy", "2.5")
        assert found.trades(buy) == [(D(1), D(100)), (D(1), D(101)), (D("0.5"), D(102))]
        assert (buy.status, buy.filled, buy.price) == ("FILLED", D("2.5"), D("100.8"))
        assert [trade.number for trade in found.book.trades] == [1, 2, 3]

    def test_what_a_book_does_not_have_comes_with_the_next_quotes(self, spot):
        spot.quote("1", "1", ask_size="1")
        buy = spot.order("buy", "50")
        assert (buy.status, buy.filled, buy.message) == ("PARTIALLY_FILLED", D(20), "")
        assert spot.book.amounts == {"USDT": D(980), "BTC": D(20)}
        assert (buy.held, spot.book.held, spot.book.orders) == (D(30), {"USDT": D(30)}, [buy])
        spot.quote("2", "2", ask_size="1")
        assert (buy.status, buy.filled, buy.held) == ("PARTIALLY_FILLED", D(40), D(20))
        spot.quote("1", "1", ask_size="100")
        assert (buy.status, buy.filled) == ("FILLED", D(50))
        assert (spot.book.amounts, spot.book.held) == ({"USDT": D(930), "BTC": D(50)}, {"USDT": D(0)})
        assert spot.book.orders == []
        assert [trade.number for trade in spot.book.trades] == list(range(1, 42))

    def test_a_book_that_has_no_more_ends_what_must_fill_at_once(self, spot):
        spot.quote("1", "1", ask_size="1")
        buy = spot.order("buy", "30", time_in_force="ioc")
        assert (buy.status, buy.filled) == ("CANCELED", D(20))
        assert buy.message == "what could not be filled at once is cancelled"
        assert spot.book.amounts == {"USDT": D(980), "BTC": D(20)}
        assert (spot.book.orders, spot.book.held.get("USDT", D(0))) == ([], D(0))

    def test_where_nothing_is_there_yet_a_market_order_waits(self, spot):
        spot.quote("1", "1", ask_size="0")
        buy = spot.order("buy", "30")
        assert (buy.status, buy.filled, spot.book.held) == ("OPEN", D(0), {"USDT": D(30)})
        spot.quote("2", "2", ask_size="0")
        assert (buy.status, buy.held, spot.book.changed) == ("OPEN", D(60), [buy])
        spot.quote("2", "2", ask_size="30")
        assert (buy.status, spot.book.amounts) == ("FILLED", {"USDT": D(940), "BTC": D(30)})

    def test_the_rest_ends_once_it_cannot_be_paid_for(self, spot):
        spot.quote("10", "10", ask_size="1")
        buy = spot.order("buy", "90")
        assert (buy.filled, buy.held) == (D(20), D(700))
        spot.quote("20", "20", ask_size="1")
        assert (buy.status, buy.code, buy.filled) == ("CANCELED", "insufficient_funds", D(20))
        assert buy.message == "needs 1400 USDT; 800 is free"
        assert (spot.book.orders, spot.book.held) == ([], {"USDT": D(0)})

    @pytest.mark.parametrize("bid_size", ["0.001", "0"])
    def test_an_exit_ends_at_once_whatever_is_there(self, venue, bid_size):
        found = venue(SPOT, slippage_bps=D(10))
        found.quote("10")
        found.order("buy", "30")
        found.quote("10", bid_size=bid_size)
        sell = found.order("sell", "30", closes=True)
        assert (sell.status, sell.filled, found.book.amounts["BTC"]) == ("FILLED", D(30), D(0))
        # the twentieth level, nineteen times the slippage beyond the first
        assert found.trades(sell)[-1] == (30 - 19 * D(bid_size), D("9.81"))
        assert found.book.orders == []

    def test_a_limit_takes_what_is_within_it_and_rests_for_the_rest(self, venue):
        found = venue(SPOT, slippage_bps=D(100))
        found.quote("99", "100", ask_size="1")
        buy = found.order("buy", "3", type="limit", limit_price="101")
        assert found.trades(buy) == [(D(1), D(100)), (D(1), D(101))]
        assert (buy.status, buy.held, found.book.held) == ("PARTIALLY_FILLED", D(101), {"USDT": D(101)})
        assert found.book.free("USDT") == D(1000) - D(201) - D(101)

    @pytest.mark.parametrize("tif", ["ioc", "fok"])
    def test_what_must_fill_at_once_does_not_rest(self, venue, tif):
        found = venue(SPOT, slippage_bps=D(100))
        found.quote("100", ask_size="1")
        part = found.order("buy", "3", type="limit", limit_price="101", time_in_force=tif)
        assert (part.status, part.filled) == ("CANCELED", D(2 if tif == "ioc" else 0))
        whole = found.order("buy", "2", type="limit", limit_price="101", time_in_force=tif)
        assert (whole.status, whole.filled) == ("FILLED", D(2))
        assert (found.book.orders, found.book.held.get("USDT", D(0))) == ([], D(0))

    def test_post_only_never_takes(self, spot):
        spot.quote("99", "100")
        refused = spot.order("buy", "1", type="limit", limit_price="100", post_only=True)
        assert (refused.status, refused.code, spot.book.trades) == ("REJECTED", "would_take", [])
        assert refused.message == "it would have traded at once: bid 99, ask 100"
        assert spot.order("buy", "1", type="limit", limit_price="99.5", post_only=True).status == "OPEN"


class TestResting:
    def test_a_limit_fills_at_its_own_price_once_the_other_side_comes(self, spot):
        spot.quote("100", "101")
        buy = spot.order("buy", "2", type="limit", limit_price="95")
        spot.quote("95", "96")
        assert (buy.status, buy.filled) == ("OPEN", D(0))
        spot.quote("90", "91")  # through it: still its own price, the better one was another's
        assert (buy.status, spot.trades(buy)) == ("FILLED", [(D(2), D(95))])
        assert (spot.book.held, spot.book.orders) == ({"USDT": D(0)}, [])
        assert spot.book.amounts == {"USDT": D(810), "BTC": D(2)}

    def test_it_fills_in_parts_as_the_sizes_come(self, spot):
        spot.quote("100")
        buy = spot.order("buy", "2", type="limit", limit_price="95")
        spot.quote("94", "95", ask_size="0.5")
        assert (buy.status, buy.filled, buy.held) == ("PARTIALLY_FILLED", D("0.5"), D("142.5"))
        spot.quote("94", "94", ask_size="7")
        assert (buy.status, [trade.number for trade in spot.book.trades]) == ("FILLED", [1, 2])
        assert spot.book.held["USDT"] == 0

    def test_a_market_that_has_gone_through_it_has_taken_all_of_it(self, spot):
        spot.quote("100")
        buy = spot.order("buy", "2", type="limit", limit_price="95")
        spot.quote("94", "94.9", ask_size="0.0001")
        assert (buy.status, spot.trades(buy)) == ("FILLED", [(D(2), D(95))])

    def test_what_is_set_aside_cannot_be_spent_twice_and_comes_back(self, spot):
        spot.quote("100")
        first = spot.order("buy", "6", type="limit", limit_price="90")
        assert spot.book.free("USDT") == 460
        second = spot.order("buy", "6", type="limit", limit_price="90")
        assert (second.status, second.code, second.message) == (
            "REJECTED", "insufficient_funds", "needs 540 USDT; 460 is free"
        )  # fmt: skip
        spot.cancel(first)
        assert (first.status, spot.book.free("USDT"), spot.book.held["USDT"]) == ("CANCELED", D(1000), D(0))

    def test_the_older_order_is_first(self, spot):
        spot.quote("100")
        first = spot.order("buy", "1", type="limit", limit_price="95")
        second = spot.order("buy", "1", type="limit", limit_price="96")
        spot.quote("90")
        assert [trade.order for trade in spot.book.trades] == [first, second]

    def test_a_resting_close_sets_nothing_aside_and_never_sells_more_than_is_there(self, spot):
        spot.quote("100")
        spot.order("buy", "2")
        target = spot.order("sell", "2", type="limit", limit_price="110", closes=True)
        assert spot.book.held.get("BTC", D(0)) == 0
        assert spot.order("sell", "1.5", closes=True).status == "FILLED"
        spot.quote("111")
        assert (target.status, target.filled, spot.book.amounts["BTC"]) == ("FILLED", D("0.5"), D(0))

    def test_a_resting_close_with_nothing_left_ends(self, spot):
        spot.quote("100")
        spot.order("buy", "2")
        target = spot.order("sell", "2", type="limit", limit_price="110", closes=True)
        spot.order("sell", "2", closes=True)
        spot.quote("111")
        assert (target.status, target.code, target.filled) == ("CANCELED", "nothing_to_reduce", D(0))


class TestStops:
    def test_a_gap_through_the_stop_fills_where_the_market_is(self, venue):
        found = venue(SPOT, slippage_bps=D(10))
        found.quote("100")
        found.order("buy", "1")
        stop = found.order("sell", "1", type="stop", stop_price="95", closes=True)
        found.quote("95.01")
        assert stop.status == "OPEN"
        found.quote("80")
        assert (stop.status, stop.triggered, found.trades(stop)) == ("FILLED", True, [(D(1), D("79.92"))])

    def test_a_stop_that_protects_rests_before_any_price_is_known(self, spot):
        spot.quote("100")
        spot.order("buy", "1")
        spot.last = None
        stop = spot.order("sell", "1", type="stop", stop_price="95", closes=True)
        assert (stop.status, stop.best_price, spot.book.orders) == ("OPEN", None, [stop])
        spot.quote("94")
        assert (stop.status, spot.trades(stop)) == ("FILLED", [(D(1), D(94))])

    @pytest.mark.parametrize(
        "facts",
        [
            {"type": "stop", "stop_price": "105"},
            {"type": "trailing_stop", "trailing": "0.1", "closes": True},
            {"type": "limit", "limit_price": "95", "closes": True},
            {"type": "market", "closes": True},
        ],
        ids=["entry", "trailing", "limit", "market"],
    )
    def test_everything_else_needs_a_price(self, spot, facts):
        spot.quote("100")
        spot.order("buy", "1")
        spot.last = None
        order = spot.order("sell" if facts.get("closes") else "buy", "1", **facts)
        assert (order.status, order.code, order.message) == ("REJECTED", "no_price", "there is no price to fill at")
        assert (spot.book.orders, spot.book.amounts["BTC"]) == ([], D(1))

    def test_a_stop_that_buys_waits_for_the_price_above(self, spot):
        spot.quote("100")
        buy = spot.order("buy", "1", type="stop", stop_price="105")
        assert spot.book.held == {"USDT": D(105)}
        spot.quote("104")
        assert buy.status == "OPEN"
        spot.quote("105", "106")
        assert (buy.status, spot.trades(buy), spot.book.held["USDT"]) == ("FILLED", [(D(1), D(106))], D(0))

    def test_a_stop_that_protects_sells_all_at_once(self, spot):
        spot.quote("1")
        spot.order("buy", "500")
        stop = spot.order("sell", "500", type="stop", stop_price="0.9", closes=True)
        spot.quote("0.8", bid_size="1")
        assert (stop.status, stop.filled, spot.book.amounts) == ("FILLED", D(500), {"USDT": D(900), "BTC": D(0)})

    def test_a_stop_that_buys_goes_on_with_the_next_quotes(self, spot):
        spot.quote("1")
        buy = spot.order("buy", "50", type="stop", stop_price="2")
        spot.quote("2", ask_size="1")
        assert (buy.status, buy.triggered, buy.filled, buy.held) == ("PARTIALLY_FILLED", True, D(20), D(60))
        spot.quote("1", ask_size="30")  # below its price: it has fired
        assert (buy.status, spot.book.held) == ("FILLED", {"USDT": D(0)})
        assert spot.book.amounts == {"USDT": D(930), "BTC": D(50)}

    def test_a_stop_that_cannot_be_paid_for_any_more_ends(self, spot):
        spot.quote("100")
        buy = spot.order("buy", "9", type="stop", stop_price="105")
        spot.quote("120")
        assert (buy.status, buy.code, buy.filled) == ("CANCELED", "insufficient_funds", D(0))
        assert buy.message == "needs 1080 USDT; 1000 is free"
        assert spot.book.free("USDT") == 1000

    def test_a_stop_limit_becomes_a_limit(self, spot):
        spot.quote("100")
        spot.order("buy", "1")
        stop = spot.order("sell", "1", type="stop_limit", stop_price="95", limit_price="94", closes=True)
        spot.quote("90")  # triggered, and below its limit
        assert (stop.status, stop.triggered) == ("OPEN", True)
        spot.quote("96")  # back: it sells at its limit
        assert (stop.status, spot.trades(stop)) == ("FILLED", [(D(1), D(94))])

    def test_a_trailing_stop_follows_the_best_price_and_never_turns_back(self, spot):
        spot.quote("100")
        spot.order("buy", "1")
        stop = spot.order("sell", "1", type="trailing_stop", trailing="0.1", closes=True)
        for last, best in (("95", "100"), ("120", "120"), ("109", "120")):
            spot.quote(last)
            assert (stop.status, stop.best_price) == ("OPEN", D(best))
        spot.quote("108")
        assert (stop.status, spot.trades(stop)) == ("FILLED", [(D(1), D(108))])

    def test_a_trailing_stop_is_armed_at_its_price(self, spot):
        spot.quote("100")
        spot.order("buy", "1")
        stop = spot.order("sell", "1", type="trailing_stop", trailing="0.1", limit_price="110", closes=True)
        spot.quote("50")
        assert stop.status == "OPEN"
        spot.quote("112")
        spot.quote("101")
        assert (stop.status, stop.best_price) == ("OPEN", D(112))
        spot.quote("100.8")
        assert stop.status == "FILLED"


def test_the_same_inputs_give_the_same_ledger(venue):
    def run():
        found = venue(SPOT, slippage_bps=D(7), fee_bps=D("9.5"))
        for number in range(60):
            found.quote(str(100 + (number * 37) % 23), ask_size="0.7", bid_size="0.9")
            if number % 3 == 0:
                found.order("buy", "1.1", type="limit", limit_price=str(100 + number % 7))
            if number % 5 == 0:
                found.order("sell", "0.3", closes=True)
        return found.book.amounts, [(t.number, t.quantity, t.price, t.fee) for t in found.book.trades]

    first, second = run(), run()
    assert first == second
    assert len(first[1]) > 20
