"""What OKX turns down: each by its name, with what to do, and with no more requests than it takes to hear it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from accounts.brokers.base import AttachedExit, BrokerRejected, Cause, Rejection, TimeInForce
from accounts.brokers.okx.errors import FINAL
from tests.fakes.venue import RunningVenue, running_venue
from tradeops.core.money import OrderType, Side

from .support import SPOT, SWAP, broker, now, request, tapped

D = Decimal


@dataclass
class Refused:
    """`before` changes the venue, `credentials` ours; `after_one` sends a good order first, so that all is known."""

    code: Rejection
    venue_code: str
    says: str
    given: dict[str, Any] = field(default_factory=dict)
    before: Callable[[RunningVenue], None] = lambda venue: None
    credentials: dict[str, str] = field(default_factory=dict)
    sandbox: bool = True
    after_one: bool = True
    most_requests: int = 1


CASES = {
    "a wrong key": Refused(
        Rejection.BAD_KEY, "50111", "enter key, secret and passphrase again", credentials={"api_key": "nobody"},
        after_one=False,
    ),
    "a wrong secret": Refused(
        Rejection.BAD_KEY, "50113", "enter key, secret and passphrase again", credentials={"secret": "nothing"},
        after_one=False,
    ),
    "a demo key on the real venue": Refused(
        Rejection.BAD_KEY, "50101", "check the account's sandbox setting", sandbox=False, after_one=False
    ),
    "a wrong passphrase": Refused(
        Rejection.BAD_PASSPHRASE, "50105", "enter the one chosen with the key",
        before=lambda venue: venue.change(passphrase="another"),
    ),
    "an address that the key is not bound to": Refused(
        Rejection.ADDRESS_REFUSED, "50110", "add this machine's at OKX",
        before=lambda venue: venue.change(addresses=["203.0.113.9"]),
    ),
    "a key that may only read": Refused(
        Rejection.NO_PERMISSION, "50120", "give it the permission «Trade»",
        before=lambda venue: venue.change(permissions="read_only"),
    ),
    "a clock that no measuring helps": Refused(
        Rejection.CLOCK, "50102", "synchronise it (NTP)",
        before=lambda venue: venue.faults.next("answer", code="50102", times=9), most_requests=2,
    ),
    "funds short": Refused(
        Rejection.INSUFFICIENT_FUNDS, "51008", "add funds, or lower the size", given={"quantity": "100"}
    ),
    "below the venue's minimum": Refused(
        Rejection.BELOW_MINIMUM, "51020", "raise the size",
        before=lambda venue: venue.faults.next("reject", code="51020"),
    ),
    "an instrument that was taken off": Refused(
        Rejection.UNKNOWN_INSTRUMENT, "51001", "check the symbol mapping",
        before=lambda venue: venue.faults.next("reject", code="51001"),
    ),
    "a position mode that changed": Refused(
        Rejection.POSITION_MODE, "51000", "send the signal again", given={"symbol": SWAP},
        before=lambda venue: venue.change(position_mode="long_short_mode"),
    ),
    "an account mode without contracts": Refused(
        Rejection.REJECTED, "51010", "change it at OKX (Settings, Account mode)", given={"symbol": SWAP},
        before=lambda venue: venue.change(level="1"),
    ),
    "nothing to reduce": Refused(
        Rejection.NOTHING_TO_REDUCE, "51169", "closed already",
        given={"symbol": SWAP, "side": Side.SELL, "closes": True},
    ),
    "a price outside the band": Refused(
        Rejection.BAD_PRICE, "51137", "check the price against the market",
        given={"type": OrderType.LIMIT, "price": D(60000)},
    ),
    "a stop that the market has passed": Refused(
        Rejection.BAD_PRICE, "51280", "the market has passed it already",
        given={"side": Side.SELL, "type": OrderType.STOP, "stop_price": D(51000), "closes": True},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_has_a_name_and_says_what_to_do(name):
    case = CASES[name]
    with running_venue() as venue, tapped(venue) as tap:
        given = request(**case.given)
        okx = broker(
            venue, given.market, url=tap.url, sandbox=case.sandbox, credentials=venue.credentials | case.credentials
        )
        if case.after_one:
            okx.place(request(given.symbol, client_order_id="first"), now=now())
            if given.closes and given.market == "swap":
                venue.trade("BTC-USDT-SWAP", "sell", "1")
        case.before(venue)
        tap.seen.clear()
        with pytest.raises(BrokerRejected) as error:
            okx.place(given, now=now())
        assert (error.value.code, error.value.venue_code) == (case.code, case.venue_code)
        assert case.says in str(error.value)
        assert case.venue_code in error.value.raw
        private = [seen for seen in tap.seen if "OK-ACCESS-KEY" in _upper(seen.headers)]
        assert len([seen for seen in private if seen.method == "POST"]) <= case.most_requests
        assert len(private) <= 2
        assert venue.ledger.placed(given.client_order_id) == []


def _upper(headers: dict[str, str]) -> set[str]:
    return {name.upper() for name in headers}


def test_a_position_mode_that_changed_is_read_again_for_the_next_order():
    with running_venue() as venue:
        okx = broker(venue, "swap")
        okx.place(request(SWAP, client_order_id="first"), now=now())
        venue.trade("BTC-USDT-SWAP", "sell", "1")
        venue.change(position_mode="long_short_mode")
        with pytest.raises(BrokerRejected):
            okx.place(request(SWAP, client_order_id="second"), now=now())
        okx.place(request(SWAP, client_order_id="third"), now=now())
        assert [order["posSide"] for order in venue.ledger.placed("third")] == ["long"]


BEFORE_ANY_ORDER = {
    "an unknown symbol": ({"symbol": "NOPE/USDT"}, Rejection.UNKNOWN_INSTRUMENT, "symbol mapping"),
    "a symbol of no form": ({"symbol": "BTCUSDT"}, Rejection.UNKNOWN_INSTRUMENT, "write it as BASE/QUOTE"),
    "a contract settled in the coin": (
        {"symbol": "BTC/USD:BTC"}, Rejection.UNKNOWN_INSTRUMENT, "settled in the coin"
    ),
    "less than a lot": ({"symbol": SWAP, "quantity": "0.00009"}, Rejection.BELOW_MINIMUM, "minimum is 0.0001"),
    "off the tick": (
        {"type": OrderType.LIMIT, "price": D("49000.05")}, Rejection.BAD_PRICE, "not a multiple of 0.1"
    ),
    "no price": ({"type": OrderType.LIMIT}, Rejection.REJECTED, "needs a price"),
    "no stop price": ({"type": OrderType.STOP}, Rejection.REJECTED, "needs a stop price"),
    "no distance": ({"type": OrderType.TRAILING_STOP, "symbol": SWAP}, Rejection.REJECTED, "needs its distance"),
    "a post-only market order": ({"post_only": True}, Rejection.UNSUPPORTED, "on limit orders only"),
    "a fill-or-kill market order": ({"time_in_force": TimeInForce.FOK}, Rejection.UNSUPPORTED, "on limit orders only"),
    "post-only and immediate": (
        {"type": OrderType.LIMIT, "price": D(49000), "post_only": True, "time_in_force": TimeInForce.IOC},
        Rejection.UNSUPPORTED, "at once",
    ),
    "a swap for an amount of money": (
        {"symbol": SWAP, "quote_amount": D(500)}, Rejection.UNSUPPORTED, "market buys on spot only"
    ),
    "a sale for an amount of money": (
        {"side": Side.SELL, "quote_amount": D(500)}, Rejection.UNSUPPORTED, "market buys on spot only"
    ),
    "no amount of money": ({"quote_amount": D(0)}, Rejection.UNSUPPORTED, "more than 0"),
    "a short on spot": (
        {"side": Side.SELL, "position_side": "short"}, Rejection.UNSUPPORTED, "cannot go short"
    ),
    "a trailing buy on spot": (
        {"type": OrderType.TRAILING_STOP, "trailing": D("0.01")}, Rejection.UNSUPPORTED, "trailing buy on spot"
    ),
    "options": ({"market": "option"}, Rejection.UNSUPPORTED, "no option market"),
    "exits on a close": (
        {"side": Side.SELL, "closes": True, "attached": (AttachedExit(kind=Cause.STOP_LOSS, trigger=D(1)),)},
        Rejection.UNSUPPORTED, "takes no attached exits",
    ),
    "two stop losses": (
        {"attached": (AttachedExit(kind=Cause.STOP_LOSS, trigger=D(1)),) * 2}, Rejection.UNSUPPORTED, "one attached"
    ),
    "half a stop loss": (
        {"attached": (AttachedExit(kind=Cause.STOP_LOSS, trigger=D(1), share=D("0.5")),)},
        Rejection.UNSUPPORTED, "for the whole order",
    ),
    "half a take profit": (
        {"attached": (AttachedExit(kind=Cause.TAKE_PROFIT, trigger=D(60000), share=D("0.5")),)},
        Rejection.UNSUPPORTED, "for the whole order only",
    ),
    "several take profits on spot": (
        {"attached": (AttachedExit(kind=Cause.TAKE_PROFIT, trigger=D(60000), share=D("0.5")),) * 2},
        Rejection.UNSUPPORTED, "swaps and futures only",
    ),
    "take profits of less than the whole": (
        {"symbol": SWAP, "attached": (AttachedExit(kind=Cause.TAKE_PROFIT, trigger=D(60000), share=D("0.4")),) * 2},
        Rejection.UNSUPPORTED, "must add up to 1",
    ),
    "several limited take profits": (
        {"symbol": SWAP, "attached": (
            AttachedExit(kind=Cause.TAKE_PROFIT, trigger=D(60000), share=D("0.5"), limit=D(60000)),) * 2},
        Rejection.UNSUPPORTED, "must be market orders",
    ),
    "a take profit below the minimum": (
        {"symbol": SWAP, "quantity": "0.0001",
         "attached": (AttachedExit(kind=Cause.TAKE_PROFIT, trigger=D(60000), share=D("0.5")),) * 2},
        Rejection.UNSUPPORTED, "below the venue's minimum",
    ),
    "a trailing stop attached": (
        {"attached": (AttachedExit(kind=Cause.TRAILING, trigger=D(1)),)}, Rejection.UNSUPPORTED, "only a stop loss"
    ),
    "exits on a trailing stop": (
        {"symbol": SWAP, "type": OrderType.TRAILING_STOP, "trailing": D("0.01"),
         "attached": (AttachedExit(kind=Cause.STOP_LOSS, trigger=D(1)),)},
        Rejection.UNSUPPORTED, "attaches no exits",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BEFORE_ANY_ORDER)
def test_what_cannot_be_asked_for_is_never_sent(name):
    given, code, says = BEFORE_ANY_ORDER[name]
    with running_venue() as venue, tapped(venue) as tap:
        order = request(**given)
        with pytest.raises(BrokerRejected) as error:
            broker(venue, order.market, url=tap.url).place(order, now=now())
        assert error.value.code == code
        assert says in str(error.value)
        if code == Rejection.UNSUPPORTED and "minimum" not in says:
            assert tap.seen == []
        assert [seen for seen in tap.seen if seen.method == "POST"] == []
        assert venue.ledger.entries == []


def test_a_close_on_spot_with_nothing_free_is_never_sent():
    with running_venue(balances={"USDT": "1000"}) as venue:
        with pytest.raises(BrokerRejected) as error:
            broker(venue).place(request(side=Side.SELL, closes=True), now=now())
        assert error.value.code == Rejection.NOTHING_TO_REDUCE
        assert "it was sold already, or rests in other orders" in str(error.value)
        assert venue.ledger.entries == []


@pytest.mark.parametrize("missing", ["api_key", "secret", "passphrase"])
def test_without_a_credential_nothing_is_asked_in_its_name(missing):
    with running_venue() as venue, tapped(venue) as tap:
        okx = broker(venue, url=tap.url, credentials=venue.credentials | {missing: ""})
        with pytest.raises(BrokerRejected) as error:
            okx.balances()
        assert error.value.code == Rejection.NO_CREDENTIALS
        assert tap.seen == []
        assert okx.instrument(SPOT).base == "BTC"
        assert okx.quote(SPOT, now=now()).last == D(50000)


def test_a_key_with_a_line_break_is_refused_before_it_breaks_a_header():
    with running_venue() as venue:
        okx = broker(venue, credentials=venue.credentials | {"api_key": "abc\r\nX-Other: 1"})
        with pytest.raises(BrokerRejected) as error:
            okx.balances()
        assert error.value.code == Rejection.BAD_KEY
        assert "abc" not in str(error.value)


@pytest.mark.parametrize("address", ["http://203.0.113.5", "ftp://127.0.0.1", "www.okx.com"])
def test_credentials_go_out_over_tls_or_to_this_machine_only(address):
    with running_venue() as venue:
        with pytest.raises(BrokerRejected) as error:
            broker(venue, url=address).balances()
        assert error.value.code == Rejection.UNSUPPORTED
        assert "https://" in str(error.value)


def test_a_swap_order_is_refused_beforehand_where_the_account_trades_none():
    with running_venue(level="1") as venue:
        with pytest.raises(BrokerRejected) as error:
            broker(venue, "swap").prepare(request(SWAP))
        assert "Account mode" in str(error.value)


def test_every_final_code_has_advice():
    assert len(FINAL) > 120
    assert all(len(final.advice) > 20 for final in FINAL.values())
