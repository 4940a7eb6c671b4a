"""Who is let in: each header of docs-v5 "REST Authentication", and the code for each way to have it wrong."""

import json
from datetime import UTC, datetime

import pytest

from accounts.demo.access import sign

from .asking import SPOT, Asking

ORDER = json.dumps(SPOT)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"OK-ACCESS-KEY": None}, "50103"),
        ({"OK-ACCESS-PASSPHRASE": None}, "50104"),
        ({"OK-ACCESS-SIGN": None}, "50106"),
        ({"OK-ACCESS-TIMESTAMP": None}, "50107"),
        ({"OK-ACCESS-KEY": "nobody"}, "50111"),
        ({"OK-ACCESS-PASSPHRASE": "wrong"}, "50105"),
        ({"OK-ACCESS-SIGN": "d3Jvbmc="}, "50113"),
        ({"OK-ACCESS-TIMESTAMP": "1597026383085"}, "50112"),
        ({"OK-ACCESS-TIMESTAMP": "2026-13-01T00:00:00.000Z"}, "50112"),
        ({"x-simulated-trading": None}, "50101"),
        ({"x-simulated-trading": "0"}, "50101"),
    ],
)
def test_a_wrong_header_is_refused_and_nothing_happens(venue, ask, headers, code):
    status, said = ask.send("POST", "/api/v5/trade/order", ORDER, **headers)
    assert (status, said["code"], said["data"]) == (401, code, [])
    assert venue.ledger.entries == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v5/account/balance?ccy=USDT", ""),
        ("GET", "/api/v5/account/balance?ccy=BTC", "{}"),
    ],
)
def test_the_signature_covers_method_path_query_and_body(venue, ask, method, path, body):
    stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    of_another = sign(
        venue.credentials["secret"],
        timestamp=stamp,
        method="GET",
        path="/api/v5/account/balance?ccy=BTC",
        body="",
    )
    signed = {"OK-ACCESS-SIGN": of_another, "OK-ACCESS-TIMESTAMP": stamp}
    assert ask.send("GET", "/api/v5/account/balance?ccy=BTC", **signed)[1]["code"] == "0"
    assert ask.send(method, path, body, **signed)[1]["code"] == "50113"
    assert ask.send("POST", "/api/v5/trade/order", ORDER, **signed)[1]["code"] == "50113"
    assert venue.ledger.entries == []


@pytest.mark.parametrize(("seconds", "code"), [(-31, "50102"), (31, "50102"), (-28, "0"), (28, "0")])
def test_a_clock_may_be_half_a_minute_off(ask, seconds, code):
    assert ask.send("GET", "/api/v5/account/balance", seconds=seconds)[1]["code"] == code


def test_the_venues_clock_can_be_set_and_tells_so(venue, ask):
    venue.clock(60)
    status, said = ask.send("GET", "/api/v5/account/balance")
    assert (status, said["code"]) == (401, "50102")
    assert ask.send("GET", "/api/v5/account/balance", seconds=60)[1]["code"] == "0"


def test_a_key_bound_to_other_addresses(venue, ask):
    venue.change(addresses=["203.0.113.7"])
    status, said = ask.send("GET", "/api/v5/account/balance")
    assert (status, said["code"]) == (401, "50110")
    assert "127.0.0.1" in said["msg"]


def test_a_key_that_may_only_read(venue, ask):
    venue.change(permissions="read_only")
    assert ask.order(SPOT) == ("", "50120")
    assert ask.get("account/config")[0]["perm"] == "read_only"
    assert venue.ledger.orders == []


def test_the_real_venue_refuses_the_demo_header(venue, ask):
    venue.change(simulated=False)
    assert ask.send("GET", "/api/v5/account/balance")[1]["code"] == "50101"
    assert ask.send("GET", "/api/v5/account/balance", **{"x-simulated-trading": None})[1]["code"] == "0"


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "code"),
    [
        ("POST", "/api/v5/trade/order", "", {}, 400, "50000"),
        ("POST", "/api/v5/trade/order", "{", {}, 400, "50002"),
        ("POST", "/api/v5/trade/order", "[]", {}, 400, "50002"),
        ("POST", "/api/v5/trade/order", ORDER, {"Content-Type": "text/plain"}, 400, "50006"),
        ("POST", "/api/v5/trade/order", ORDER, {"expTime": "soon"}, 400, "51000"),
        ("GET", "/api/v5/trade/cancel-order", "", {}, 405, "50115"),
        ("GET", "/api/v5/trade/nothing", "", {}, 410, "50005"),
        ("GET", "/api/v5/account/balance?currency=BTC", "", {}, 400, "51000"),
        ("GET", "/api/v5/trade/order?instId=BTC-USDT", "", {}, 200, "51003"),
        ("GET", "/api/v5/trade/order?clOrdId=a", "", {}, 400, "50014"),
        ("GET", "/api/v5/trade/order?instId=BTC-USDT&clOrdId=a", "", {}, 200, "51603"),
        ("GET", "/api/v5/public/instruments", "", {}, 400, "50014"),
    ],
)
def test_requests_that_are_no_requests(venue, ask, method, path, body, headers, status, code):
    got, said = ask.send(method, path, body, **headers)
    assert (got, said["code"]) == (status, code)
    assert venue.ledger.entries == []


def test_accounts_have_books_of_their_own(venue, ask):
    other = Asking(venue, account=1)
    ask.placed(SPOT, clOrdId="mine")
    status, said = other.send("GET", "/api/v5/trade/order?instId=BTC-USDT&clOrdId=mine")
    assert (status, said["code"]) == (200, "51603")
    assert other.get("account/balance", ccy="BTC")[0]["details"][0]["cashBal"] == "1"
    assert other.get("trade/fills") == []
