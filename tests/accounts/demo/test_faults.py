"""What the venue is told to do wrong: what the caller sees, and what happened all the same."""

import json
import time
from decimal import Decimal

import pytest

from tests.fakes.venue import running_venue

from .asking import SPOT, SWAP, Asking

ORDER = json.dumps({**SPOT, "clOrdId": "a1"})
LIMIT = {name: value for name, value in SPOT.items() if name != "tgtCcy"} | {"ordType": "limit", "px": "49000"}


def send(ask):
    return ask.send("POST", "/api/v5/trade/order", ORDER)


class TestLostAnswers:
    def test_accepted_then_nothing(self, venue):
        venue.faults.next("accept_then_timeout")
        with pytest.raises(TimeoutError):
            send(Asking(venue, timeout=0.3))
        assert [one["fault"] for one in venue.ledger.placed("a1")] == ["accept_then_timeout"]

    def test_accepted_then_an_error(self, venue, ask):
        venue.faults.next("error_after_accept", status=503)
        status, text = send(ask)
        assert status == 503
        assert b"Bad Gateway" in text
        assert len(venue.ledger.placed("a1")) == 1

    def test_accepted_then_reset(self, venue, ask):
        venue.faults.next("reset_after_send")
        with pytest.raises(ConnectionError):
            send(ask)
        assert len(venue.ledger.placed("a1")) == 1

    @pytest.mark.parametrize("kind", ["reset_before_accept", "error_before_accept"])
    def test_lost_before_it_was_taken(self, venue, ask, kind):
        venue.faults.next(kind)
        if kind.startswith("reset"):
            with pytest.raises(ConnectionError):
                send(ask)
        else:
            assert send(ask)[0] == 502
        assert venue.ledger.entries == []
        assert send(ask)[1]["code"] == "0"


@pytest.mark.parametrize(
    ("code", "status"), [("50011", 429), ("50061", 200), ("50102", 401), ("50004", 400), ("50013", 429), ("50026", 500)]
)
def test_answers_instead_of_orders(venue, ask, code, status):
    venue.faults.next("answer", code=code, retry_after="2")
    got, said = send(ask)
    assert (got, said["code"], ask.answered["Retry-After"]) == (status, code, "2")
    assert venue.ledger.entries == []


def test_an_order_is_turned_down_as_told(venue, ask):
    venue.faults.next("reject", code="51008")
    assert send(ask)[1]["code"] == "51008"
    assert venue.ledger.entries == []


def test_too_many_requests_without_a_body_of_okxs(venue, ask):
    venue.faults.next("answer", code="429", retry_after="1", times=2)
    assert [send(ask)[0] for _ in range(3)] == [429, 429, 200]
    assert len(venue.ledger.placed("a1")) == 1


def test_only_the_path_that_was_named(venue, ask):
    venue.faults.next("answer", code="50026", path="GET /api/v5/trade/order")
    assert send(ask)[1]["code"] == "0"
    assert ask.send("GET", "/api/v5/trade/order?instId=BTC-USDT&clOrdId=a1")[1]["code"] == "50026"
    assert ask.get("trade/order", instId="BTC-USDT", clOrdId="a1")[0]["state"] == "filled"


def test_late_orders_are_there_and_not_shown(venue, ask):
    venue.faults.next("late", seconds=2)
    number, _ = ask.order({**SWAP, "clOrdId": "late"})
    query = "/api/v5/trade/order?instId=BTC-USDT-SWAP&clOrdId=late"
    assert ask.send("GET", query)[1]["code"] == "51603"
    assert ask.get("trade/fills", instType="SWAP") == []
    assert ask.get("trade/orders-history", instType="SWAP") == []
    assert ask.get("account/positions") == []
    assert venue.ledger.positions[0]["sz"] == "1"
    assert ask.order({**SWAP, "clOrdId": "late"}) == ("", "51016")
    time.sleep(2)
    assert ask.get("trade/order", instId="BTC-USDT-SWAP", clOrdId="late")[0]["ordId"] == number
    assert len(ask.get("trade/fills", instType="SWAP")) == 1
    assert ask.get("account/positions")[0]["pos"] == "1"


class TestPartial:
    def test_a_part_now_the_rest_when_told_and_the_first_trade_is_shown_last(self, venue, ask):
        venue.faults.next("partial", share="0.6", pieces=2, hide=60)
        found = ask.placed(SPOT, clOrdId="parts", sz="0.1")
        assert (found["state"], found["accFillSz"]) == ("partially_filled", "0.06")
        [shown] = ask.get("trade/fills", ordId=found["ordId"])
        assert (shown["tradeId"], shown["fillSz"]) == ("2", "0.03")
        venue.fill("parts", "0.01")
        venue.fill("parts")
        found = ask.get("trade/order", instId="BTC-USDT", clOrdId="parts")[0]
        assert (found["state"], found["accFillSz"]) == ("filled", "0.1")
        assert [one["quantity"] for one in venue.ledger.trades] == ["0.03", "0.03", "0.01", "0.03"]

    def test_the_rest_by_itself(self, venue, ask):
        venue.faults.set(partial_seconds=1)
        found = ask.placed(SWAP, sz="0.05")
        assert (found["state"], found["accFillSz"]) == ("partially_filled", "0.02")
        time.sleep(1.2)
        found = ask.get("trade/order", instId="BTC-USDT-SWAP", ordId=found["ordId"])[0]
        assert (found["state"], found["accFillSz"]) == ("filled", "0.05")

    def test_by_probability(self, venue, ask):
        venue.faults.set(partial=1)
        assert ask.placed(SWAP, sz="0.05")["state"] == "partially_filled"

    def test_a_part_of_an_immediate_order_ends_it(self, venue, ask):
        venue.faults.next("partial", share="0.5", pieces=1)
        found = ask.placed(LIMIT, ordType="ioc", px="51000")
        assert (found["state"], found["accFillSz"], found["cancelSource"]) == ("canceled", "0.005", "14")

    def test_a_cancel_between_two_parts(self, venue, ask):
        venue.faults.next("partial", share="0.5")
        found = ask.placed(SPOT, clOrdId="parts")
        ask.post("trade/cancel-order", {"instId": "BTC-USDT", "clOrdId": "parts"})
        found = ask.get("trade/order", instId="BTC-USDT", ordId=found["ordId"])[0]
        assert (found["state"], found["accFillSz"]) == ("canceled", "0.005")
        with pytest.raises(ValueError, match="no order parts rests here"):
            venue.fill("parts")


def test_orders_rest_until_told(venue, ask):
    venue.faults.set(rest=True)
    assert ask.placed(SPOT, clOrdId="a1")["state"] == "live"
    venue.price("BTC-USDT", "10")
    assert ask.get("trade/order", instId="BTC-USDT", clOrdId="a1")[0]["state"] == "live"
    venue.fill("a1", price="50000")
    assert ask.get("trade/order", instId="BTC-USDT", clOrdId="a1")[0]["avgPx"] == "50000"


def test_its_own_limit_lets_sixty_pass_in_two_seconds(venue, ask):
    venue.faults.set(enforce_limits=True)
    said = [ask.order({**SPOT, "sz": "0.0001"})[1] for _ in range(61)]
    assert said == ["0"] * 60 + ["50011"]
    assert ask.order({**SPOT, "instId": "ETH-USDT", "sz": "0.001"})[1] == "0"
    assert len(venue.ledger.orders) == 61


def test_probabilities_are_the_same_for_the_same_seed():
    def run(seed):
        with running_venue(seed=seed) as venue:
            venue.faults.set(error_after_accept=0.3, error_before_accept=0.2)
            ask = Asking(venue)
            codes = [ask.send("POST", "/api/v5/trade/order", json.dumps(SPOT))[0] for _ in range(30)]
            return codes, len(venue.ledger.orders)

    first, taken = run(7)
    assert run(7) == (first, taken)
    assert run(8) != (first, taken)
    assert 30 > taken > first.count(200) > 5


def test_what_it_does_not_know_it_refuses(venue):
    with pytest.raises(ValueError, match="there is no fault 'nothing'"):
        venue.faults.next("nothing")
    with pytest.raises(ValueError, match="neither a mode nor a fault 'lateness'"):
        venue.faults.set(lateness=3)


class TestOthersHands:
    def test_a_trade_by_hand_and_a_liquidation(self, venue, ask):
        number = venue.trade("BTC-USDT-SWAP", "buy", "2")
        [fill] = ask.get("trade/fills", instType="SWAP")
        assert (fill["ordId"], fill["clOrdId"], fill["fillSz"]) == (number, "", "2")
        venue.liquidate("BTC-USDT-SWAP")
        assert [row["subType"] for row in ask.get("trade/fills", instType="SWAP")] == ["100", "3"]
        assert ask.get("trade/orders-history", instType="SWAP")[0]["category"] == "full_liquidation"
        assert venue.ledger.positions == []

    def test_funding_moves_cash_and_is_a_bill(self, venue, ask):
        venue.fund("BTC-USDT-SWAP", "-1.25")
        assert venue.ledger.balances["account-1"]["USDT"] == "99998.75"
        [bill] = ask.get("account/bills", type="8")
        assert (bill["balChg"], bill["subType"], bill["instId"]) == ("-1.25", "173", "BTC-USDT-SWAP")


def test_the_ledger_is_append_only_and_adds_up(tmp_path):
    file = tmp_path / "venue.jsonl"
    with running_venue(ledger_file=file) as venue:
        ask = Asking(venue)
        for number in range(6):
            side = "buy" if number % 3 else "sell"
            ask.placed(SWAP, side=side, sz=str(number + 1))
        entries = venue.ledger.entries
        assert [one["n"] for one in entries] == list(range(1, len(entries) + 1))
        [position] = venue.ledger.positions
        assert Decimal(position["quantity"]) == venue.ledger.net("BTC-USDT-SWAP") == Decimal("0.11")
        assert venue.ask("ledger", since=len(entries) - 1)["entries"] == entries[-1:]
        said = venue.ledger.requests
        assert [one["call"] for one in said][:2] == ["POST /api/v5/trade/order", "GET /api/v5/trade/order"]
    assert [json.loads(line) for line in file.read_text().splitlines()] == entries
