"""The account at OKX: its key, funds, positions, leverage and room; instruments and prices."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import Balance, BrokerRejected, Capabilities, KeyFacts, Rejection
from accounts.brokers.okx import OkxBroker
from accounts.brokers.okx.instruments import amount, inst_id, is_of, symbol_of
from tests.fakes.venue import running_venue
from tradeops.core.money import OrderType, Side

from .support import FUTURE, SPOT, SWAP, Stub, Throttle, broker, now, request, tapped

D = Decimal


def test_a_key_s_facts():
    with running_venue(permissions="read_only,trade,withdraw", addresses=("127.0.0.1",)) as venue:
        facts = broker(venue).key()
        assert facts == KeyFacts(
            read=True, trade=True, withdraw=True, ip_bound=True, position_mode="one_way", account=facts.account
        )
        assert facts.account.isdecimal()
    with running_venue(permissions="read_only", position_mode="long_short_mode", level="1") as venue:
        facts = broker(venue, "swap").key()
        assert (facts.read, facts.trade, facts.withdraw, facts.ip_bound) == (True, False, False, False)
        assert facts.position_mode == "hedge"
        assert [note.partition(" ")[0] for note in facts.notes] == ["OKX", "the"]
        assert "14 days" in facts.notes[0]


def test_permissions_that_the_venue_does_not_tell_are_not_guessed():
    body = json.dumps({"code": "0", "msg": "", "data": [{"uid": "7", "acctLv": "2", "posMode": "net_mode"}]}).encode()
    with Stub((200, body)) as stub, running_venue() as venue:
        facts = broker(venue, url=stub.url).key()
    assert facts == KeyFacts(position_mode="one_way", account="7")


def test_balances_of_a_spot_account_are_coins():
    with running_venue() as venue:
        okx = broker(venue)
        okx.place(request(type=OrderType.LIMIT, price=D(40000)), now=now())
        assert okx.balances() == {
            "BTC": Balance(total=D(1), free=D(1)),
            "USDT": Balance(total=D(100000), free=D(99600)),
        }


def test_balances_of_a_swap_account_are_equity():
    with running_venue() as venue:
        okx = broker(venue, "swap")
        okx.place(request(SWAP, quantity="0.1"), now=now())
        venue.price("BTC-USDT-SWAP", "51000")
        usdt = okx.balances()["USDT"]
        assert usdt.total > D(100000)
        assert usdt.free < usdt.total - D(1000)


def test_positions_are_in_base_units():
    with running_venue(position_mode="long_short_mode") as venue:
        okx = broker(venue, "swap")
        assert okx.positions() == ()
        okx.place(request(SWAP, client_order_id="long", quantity="0.05"), now=now())
        okx.place(request(SWAP, Side.SELL, "0.02", client_order_id="short", position_side="short"), now=now())
        found = {one.side: one for one in okx.positions()}
        assert {side: one.quantity for side, one in found.items()} == {"long": D("0.05"), "short": D("0.02")}
        assert (found["long"].average_price, found["long"].margin_mode) == (D("50000.1"), "cross")
        assert found["long"].symbol == SWAP
        assert found["long"].leverage == 3


def test_a_one_way_short_is_a_short():
    with running_venue() as venue:
        okx = broker(venue, "swap")
        okx.place(request(SWAP, Side.SELL, "0.02", position_side="short"), now=now())
        [one] = okx.positions()
        assert (one.side, one.quantity) == ("short", D("0.02"))
        assert broker(venue).positions() == ()  # a spot account's holdings are its balances
        assert broker(venue, "futures").positions() == ()


def test_leverage_is_set_before_an_entry_and_only_where_it_differs():
    with running_venue() as venue, tapped(venue) as tap:
        okx = broker(venue, "swap", url=tap.url, leverage=D(10))
        okx.prepare(request(SWAP))
        assert [seen.body for seen in tap.sent("/account/set-leverage")] == [
            {"instId": "BTC-USDT-SWAP", "lever": "10", "mgnMode": "cross"}
        ]
        okx.prepare(request(SWAP))
        broker(venue, "swap", url=tap.url).prepare(request(SWAP, leverage=D(10)))
        okx.prepare(request(SWAP, Side.SELL, closes=True, leverage=D(5)))
        assert len(tap.sent("/account/set-leverage")) == 1
        okx.prepare(request(SWAP, leverage=D(5)))
        assert tap.sent("/account/set-leverage")[1].body["lever"] == "5"


def test_leverage_of_an_isolated_hedge_is_set_for_the_side():
    with running_venue(position_mode="long_short_mode") as venue, tapped(venue) as tap:
        okx = broker(venue, "swap", url=tap.url, margin_mode="isolated")
        okx.prepare(request(SWAP, Side.SELL, position_side="short", leverage=D("2.5")))
        assert [seen.body for seen in tap.sent("/account/set-leverage")] == [
            {"instId": "BTC-USDT-SWAP", "lever": "2.5", "mgnMode": "isolated", "posSide": "short"}
        ]


def test_leverage_beyond_the_venue_s_is_refused_before_the_order():
    with running_venue() as venue:
        with pytest.raises(BrokerRejected) as error:
            broker(venue, "swap").prepare(request(SWAP, leverage=D(500)))
        assert error.value.code in (Rejection.ABOVE_MAXIMUM, Rejection.REJECTED)
        assert venue.ledger.orders == []


def test_a_spot_order_needs_no_preparing():
    with running_venue() as venue, tapped(venue) as tap:
        broker(venue, url=tap.url).prepare(request(leverage=D(3)))
        assert {seen.path for seen in tap.seen} == {"/api/v5/public/instruments"}


def test_room_on_spot_is_money_for_buys_and_coins_for_sells():
    with running_venue() as venue:
        okx = broker(venue)
        assert okx.max_quantity(SPOT, side=Side.BUY, price=D(50000)) == 2
        assert okx.max_quantity(SPOT, side=Side.SELL, price=D(50000)) == 1


def test_room_is_asked_once_and_shrinks_with_what_is_sent():
    """GET max-size is 20/2 s for an account: less than its orders."""
    with running_venue() as venue, tapped(venue) as tap:
        okx = broker(venue, "swap", url=tap.url)
        most = okx.max_quantity(SWAP, side=Side.BUY, price=D(50000))
        assert D(5) < most < D(7)
        okx.place(request(SWAP, quantity="1"), now=now())
        assert okx.max_quantity(SWAP, side=Side.BUY, price=D(50000)) == most - 1
        assert len(tap.sent("/account/max-size")) == 1
        with pytest.raises(BrokerRejected):
            okx.place(request(SWAP, client_order_id="second", quantity="50"), now=now())
        okx.max_quantity(SWAP, side=Side.BUY, price=D(50000))
        assert len(tap.sent("/account/max-size")) == 2
        assert tap.sent("/account/max-size")[0].query == {"instId": "BTC-USDT-SWAP", "tdMode": "cross"}


def test_an_instrument_is_in_base_units_and_asked_for_once():
    with running_venue() as venue, tapped(venue) as tap:
        okx = broker(venue, "swap", url=tap.url)
        found = okx.instrument(SWAP)
        assert (found.base, found.quote, found.settle, found.venue_symbol) == ("BTC", "USDT", "USDT", "BTC-USDT-SWAP")
        assert (found.lot, found.min_quantity, found.contract, found.tick) == (
            D("0.0001"), D("0.0001"), D("0.01"), D("0.1"),
        )  # fmt: skip
        okx.instrument(SWAP)
        okx.quote(SWAP, now=now())
        okx.instrument("ETH/USDT:USDT")
        assert [seen.query for seen in tap.sent("/public/instruments")] == [{"instType": "SWAP"}]
        assert okx.instrument(FUTURE).contract == D("0.01")


def test_a_symbol_that_is_not_listed_is_not_asked_for_again_and_again():
    with running_venue() as venue, tapped(venue) as tap:
        okx = broker(venue, url=tap.url)
        for _ in range(3):
            with pytest.raises(BrokerRejected, match="check the symbol mapping"):
                okx.instrument("NOPE/USDT")
        assert len(tap.seen) == 1


def test_a_new_process_asks_once_however_many_threads_it_has():
    with running_venue() as venue, tapped(venue) as tap:
        okx = broker(venue, "swap", url=tap.url)
        ids = [f"thread{number}" for number in range(16)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: okx.place(request(SWAP, client_order_id=name), now=now()), ids))
        for path in ("/public/instruments", "/account/config", "/public/time"):
            assert len(tap.sent(path)) == 1, path


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"ctType": "inverse"}, "no fixed size in base units"),
        ({"ctValCcy": "USD"}, "no fixed size in base units"),
    ],
)
def test_contracts_without_a_fixed_size_are_refused(row, says):
    listed = {
        "instId": "BTC-USDT-SWAP", "ctVal": "1", "ctMult": "1", "ctValCcy": "BTC", "ctType": "linear", "lotSz": "1",
        "minSz": "1", "tickSz": "1", **row,
    }  # fmt: skip
    answer = (200, json.dumps({"code": "0", "data": [listed]}).encode())
    with Stub(answer) as stub, running_venue() as venue, pytest.raises(BrokerRejected, match=says):
        broker(venue, "swap", url=stub.url).instrument(SWAP)


def test_contract_multipliers_count():
    listed = {
        "instId": "BTC-USDT-SWAP", "ctVal": "0.01", "ctMult": "10", "ctValCcy": "BTC", "ctType": "linear",
        "lotSz": "0.1", "minSz": "0.2", "tickSz": "0.5",
    }  # fmt: skip
    with Stub((200, json.dumps({"code": "0", "data": [listed]}).encode())) as stub, running_venue() as venue:
        found = broker(venue, "swap", url=stub.url).instrument(SWAP)
    assert (found.contract, found.lot, found.min_quantity) == (D("0.1"), D("0.01"), D("0.02"))


@pytest.mark.parametrize(
    ("symbol", "name", "kind"),
    [
        ("BTC/USDT", "BTC-USDT", "SPOT"),
        ("BTC/USDT:USDT", "BTC-USDT-SWAP", "SWAP"),
        ("ETH/USDC:USDC", "ETH-USDC-SWAP", "SWAP"),
        ("BTC/USDT:USDT-351228", "BTC-USDT-351228", "FUTURES"),
    ],
)
def test_symbols_and_their_way_back(symbol, name, kind):
    assert inst_id(symbol) == (name, kind)
    assert symbol_of(name) == symbol


@pytest.mark.parametrize("name", ["BTC-USD-SWAP", "BTC-USD-351228", "BTC-USD-351228-50000-C", "BTC"])
def test_what_has_no_symbol_keeps_its_name(name):
    assert symbol_of(name) == name


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", "0"),
        (None, "0"),
        ("-0.5", "-0.5"),
        ("1.23E-7", "0.000000123"),
        ("0.1234567890123456789", "0.123456789012345679"),
    ],
)
def test_amounts_of_okx(text, value):
    assert amount(text) == D(value)


@pytest.mark.parametrize("text", ["x", "NaN", "Infinity", "1e400"])
def test_what_is_no_amount(text):
    with pytest.raises((ValueError, ArithmeticError)):
        amount(text)


def test_markets_by_the_names_of_instruments():
    names = ["BTC-USDT", "BTC-USD-SWAP", "BTC-USDT-351228", "BTC-USD-351228-50000-C"]
    assert [[is_of(name, market) for name in names] for market in ("spot", "swap", "futures")] == [
        [True, False, False, False], [False, True, False, False], [False, False, True, False],
    ]  # fmt: skip


def test_a_quote_is_the_venue_s_with_its_time():
    with running_venue() as venue:
        venue.price("BTC-USDT-SWAP", "51000", bid="50999.5", ask="51000.5")
        quote = broker(venue, "swap", credentials={}).quote(SWAP, now=now())
        assert (quote.bid, quote.ask, quote.last, quote.source) == (D("50999.5"), D("51000.5"), D(51000), "okx")
        assert abs(quote.at - now()) < timedelta(seconds=5)
        assert quote.volume > 0


def test_a_quote_tells_how_much_is_there_in_base_units():
    with running_venue() as venue:  # it tells 1000 at both sides
        unit = broker(venue, "swap").instrument(SWAP).contract
        quote = broker(venue, "swap", credentials={}).quote(SWAP, now=now())
        assert unit != 1
        assert (quote.bid_size, quote.ask_size) == (1000 * unit, 1000 * unit)
        coins = broker(venue, credentials={}).quote(SPOT, now=now())
        assert (coins.bid_size, coins.ask_size) == (D(1000), D(1000))


def test_every_request_waits_under_its_limit_first():
    with running_venue() as venue:
        throttle = Throttle()
        okx = broker(venue, "swap", throttle=throttle)
        okx.place(request(SWAP), now=now())
        assert throttle.waited == [
            ("instruments",), ("config",), ("time",), ("order", "order:BTC-USDT-SWAP"),
            ("order_state:BTC-USDT-SWAP",),
        ]  # fmt: skip
        throttle.waited.clear()
        okx.place(request(SWAP, client_order_id="stop", type=OrderType.STOP, stop_price=D(51000)), now=now())
        okx.cancel("stop", symbol=SWAP, now=now())
        assert throttle.waited[0] == ("algo:BTC-USDT-SWAP",)
        assert ("cancel:BTC-USDT-SWAP",) in throttle.waited
        assert ("cancel_algos",) in throttle.waited
        assert throttle.held == []


def test_what_it_declares():
    assert OkxBroker.capabilities == Capabilities(
        markets=frozenset({"spot", "swap", "futures"}),
        order_types=frozenset(OrderType),
        time_in_force=OkxBroker.capabilities.time_in_force,
        margin_modes=frozenset({"cross", "isolated"}),
        sandbox=True, hedge=True, post_only=True, leverage=True, quote_amount=True, attached_exits=True,
        positions=True, trades=True, transfers=True, prices=True, send_expiry=True, reuses_ids=True,
        credentials=("api_key", "secret", "passphrase"), hosts=("www.okx.com", "www.okx.com"),
    )  # fmt: skip
