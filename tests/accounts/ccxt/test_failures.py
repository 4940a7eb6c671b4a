"""Every way in which an order can fail, and that nothing is sent twice."""

import decimal
import logging
import socket
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import (
    Broker,
    BrokerRejected,
    BrokerTemporary,
    BrokerUnknown,
    OrderRequest,
    Rejection,
    ReportStatus,
)
from accounts.brokers.by_ccxt import broker_class, markets
from accounts.brokers.by_ccxt.wire import Call, Wire
from tests.fakes.binance import CREDENTIALS, Venue
from tradeops.core import clock
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import Side

from .conftest import client_id

Order = Callable[..., OrderRequest]
BOTH = pytest.mark.parametrize("market", ["spot", "swap"])


def broker_of(venue: Venue, market: str = "spot", **changes: object) -> Broker:
    found = broker_class("binance")(venue.access(market=market, **changes))
    found.instrument("BTC/USDT" if market == "spot" else "BTC/USDT:USDT")
    return found


@BOTH
@pytest.mark.parametrize("fault", ["accept_then_503", "accept_then_reset", "garbage"])
def test_an_answer_that_tells_nothing_is_unknown_and_the_order_is_found(
    venue: Venue, order: Order, market: str, fault: str
) -> None:
    broker = broker_of(venue, market)
    broker.preview(order(market), now=clock.now())
    venue.fault(fault)
    with pytest.raises(BrokerUnknown):
        broker.place(order(market), now=clock.now())
    assert len(venue.orders(client_id())) == 1
    found = broker.fetch(client_id(), symbol=order(market).symbol, now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.FILLED
    assert len(venue.placed()) == 1


@BOTH
def test_silence_after_acceptance_is_unknown_no_later_than_the_expiry(venue: Venue, order: Order, market: str) -> None:
    broker = broker_of(venue, market)
    broker.preview(order(market), now=clock.now())
    venue.fault("accept_then_silence")
    request = order(market, send_expires_at=clock.now() + timedelta(seconds=1))
    with pytest.raises(BrokerUnknown):
        broker.place(request, now=clock.now())
    assert len(venue.orders(client_id())) == 1


def test_a_reset_before_acceptance_is_unknown_too(venue: Venue, spot: Broker, order: Order) -> None:
    spot.instrument("BTC/USDT")
    venue.fault("reset_before")
    with pytest.raises(BrokerUnknown):
        spot.place(order(), now=clock.now())
    assert venue.orders() == []
    assert len(venue.placed()) == 1


@BOTH
def test_rules_that_cannot_be_read_again_do_not_unsay_an_order_that_was_taken(
    venue: Venue, order: Order, market: str
) -> None:
    """Markets are read once an hour, and that hour may end while the order is on its way."""

    class Hour(Recording):
        def wait(self, *keys: str) -> None:
            if keys[0].startswith("order:"):
                markets.forget()
                venue.blind = True

    broker = broker_of(venue, market, throttle=Hour())
    broker.preview(order(market), now=clock.now())
    report = broker.place(order(market), now=clock.now())
    assert (report.client_order_id, len(venue.orders(client_id()))) == (client_id(), 1)
    assert report.venue_order_id
    venue.blind = False
    found = broker.fetch(client_id(), symbol=order(market).symbol, now=clock.now())
    assert found is not None
    assert (found.status, found.filled) == (ReportStatus.FILLED, Decimal("0.01"))
    assert len(venue.placed()) == 1


def test_a_late_order_is_not_there_and_then_it_is(venue: Venue, spot: Broker, order: Order) -> None:
    spot.instrument("BTC/USDT")
    venue.fault("late")
    spot.place(order(), now=clock.now())
    seen = [spot.fetch(client_id(), symbol="BTC/USDT", now=clock.now()) for _ in range(3)]
    assert [found is None for found in seen] == [True, True, False]


def test_nobody_listening_is_temporary(order: Order, venue: Venue) -> None:
    broker = broker_of(venue)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gone = broker_class("binance")(venue.access(base_url=f"http://127.0.0.1:{port}"))
    markets._loaded[("binance", "spot", False, f"http://127.0.0.1:{port}")] = markets._loaded[
        ("binance", "spot", False, venue.url)
    ]
    with pytest.raises(BrokerTemporary, match="cannot be reached"):
        gone.place(order(), now=clock.now())
    with pytest.raises(BrokerTemporary):
        gone.balances()
    assert broker.capabilities.send_expiry


def test_a_page_instead_of_an_answer_is_not_an_order_that_is_missing(venue: Venue, spot: Broker, order: Order) -> None:
    spot.place(order(), now=clock.now())
    venue.garbled = True
    with pytest.raises(BrokerTemporary):
        spot.fetch(client_id(), symbol="BTC/USDT", now=clock.now())
    with pytest.raises(BrokerTemporary):
        spot.open_orders()


class Recording:
    """A throttle that lets everything through."""

    def __init__(self) -> None:
        self.waited: list[tuple[str, ...]] = []
        self.held: list[tuple[tuple[str, ...], float]] = []
        self.full: frozenset[str] = frozenset()

    def wait(self, *keys: str) -> None:
        self.waited.append(keys)
        if self.full & set(keys):
            raise BrokerTemporary("full", code="rate_limited", retry_after=7)

    def hold(self, *keys: str, seconds: float) -> None:
        self.held.append((keys, seconds))

    def done(self) -> None:
        pass


def test_a_limit_of_the_venue_is_obeyed_and_shared(venue: Venue, order: Order) -> None:
    throttle = Recording()
    broker = broker_of(venue, throttle=throttle)
    venue.fault("busy")
    with pytest.raises(BrokerTemporary) as caught:
        broker.place(order(), now=clock.now())
    assert (caught.value.code, caught.value.retry_after) == ("rate_limited", 2.0)
    assert throttle.held == [(("order:BTC/USDT",), 2.0)]
    assert venue.orders() == []


def test_every_request_takes_its_places_under_our_limits(venue: Venue, order: Order) -> None:
    throttle = Recording()
    broker = broker_of(venue, throttle=throttle)
    broker.place(order(), now=clock.now())
    broker.fetch(client_id(), symbol="BTC/USDT", now=clock.now())
    broker.cancel(client_id(), symbol="BTC/USDT", now=clock.now())
    broker.balances()
    kinds = [keys[0] for keys in throttle.waited]
    assert kinds == [
        "instruments", "order:BTC/USDT", "fetch:BTC/USDT", "history:fills", "fetch:BTC/USDT", "fetch:BTC/USDT",
        "history:fills", "balance",
    ]  # fmt: skip
    # Binance weighs its questions: the exchange information, order, account.
    weights = [len(keys) for keys in throttle.waited]
    assert weights[1] == 1
    assert weights[-1] > 1
    assert len(venue.requests) == len(throttle.waited)


def test_an_order_that_waits_too_long_for_its_place_is_not_sent(venue: Venue, order: Order) -> None:
    throttle = Recording()
    broker = broker_of(venue, throttle=throttle)
    throttle.full = frozenset({"order:BTC/USDT"})
    with pytest.raises(BrokerTemporary) as caught:
        broker.place(order(), now=clock.now())
    assert caught.value.retry_after == 7
    assert venue.placed() == []


def test_an_order_without_our_id_never_leaves() -> None:
    wire = Wire(Recording())
    with wire.call(Call(("order",), must_carry=client_id())) as call:
        with pytest.raises(BrokerRejected) as caught:
            wire.leaving("POST", "https://venue.test/order", '{"clientOrderId": "ccxt-1234"}')
        assert not call.sent
        wire.leaving("POST", "https://venue.test/order", f'{{"clientOrderId": "{client_id()}"}}')
        assert call.sent
    assert caught.value.code == Rejection.UNSUPPORTED


def test_past_its_expiry_nothing_leaves(venue: Venue, spot: Broker, order: Order) -> None:
    spot.instrument("BTC/USDT")
    with pytest.raises(BrokerTemporary) as caught:
        spot.place(order(send_expires_at=clock.now() - timedelta(milliseconds=1)), now=clock.now())
    assert caught.value.code == "expired_unsent"
    assert venue.placed() == []


def test_the_venue_is_told_when_it_is_too_late(venue: Venue, spot: Broker, order: Order) -> None:
    spot.place(order(send_expires_at=clock.now() + timedelta(seconds=3)), now=clock.now())
    assert 1000 < int(venue.placed()[0]["recvWindow"]) <= 3000


def test_our_clock_is_measured_once_and_the_order_signed_anew(venue: Venue, spot: Broker, order: Order) -> None:
    spot.instrument("BTC/USDT")
    venue.clock_offset = 60_000
    report = spot.place(order(), now=clock.now())
    assert report.status is ReportStatus.FILLED
    assert [code for _, code in venue.refused] == [-1021]
    assert venue.count("GET", "/api/v3/time") == 1
    assert len(venue.orders()) == 1


def test_a_clock_that_stays_wrong_is_a_rejection_and_no_storm(venue: Venue, spot: Broker, order: Order) -> None:
    spot.instrument("BTC/USDT")
    venue.clock_offset = 60_000
    spot.balances()
    venue.clock_offset = -60_000
    for number in (1, 2):
        with pytest.raises(BrokerRejected, match="clock") as caught:
            spot.place(order(number=number), now=clock.now())
        assert (caught.value.code, caught.value.venue_code) == (Rejection.CLOCK, "-1021")
    assert venue.count("GET", "/api/v3/time") == 1
    assert len(venue.placed()) == 2
    assert venue.orders() == []


@BOTH
@pytest.mark.parametrize(
    ("change", "code"),
    [({"api_key": "x" * 40}, "-2015"), ({"api_key": "short"}, "-2014"), ({"secret": "wrong" * 8}, "-1022")],
    ids=["unknown key", "malformed key", "wrong secret"],
)
def test_a_wrong_key_is_named_and_not_tried_again(
    venue: Venue, order: Order, market: str, change: dict[str, str], code: str
) -> None:
    broker = broker_of(venue, market, credentials={**CREDENTIALS, **change})
    with pytest.raises(BrokerRejected, match="API key") as caught:
        broker.balances()
    assert (caught.value.code, caught.value.venue_code) == (Rejection.BAD_KEY, code)
    with pytest.raises(BrokerRejected):
        broker.place(order(market), now=clock.now())
    assert venue.orders() == []


def test_a_refused_address_is_told_with_the_key(venue: Venue, spot: Broker) -> None:
    venue.addresses = ("192.0.2.1",)
    with pytest.raises(BrokerRejected, match="IP address") as caught:
        spot.balances()
    assert caught.value.venue_code == "-2015"


@BOTH
def test_short_funds_and_too_little_value(venue: Venue, order: Order, market: str) -> None:
    broker = broker_of(venue, market)
    with pytest.raises(BrokerRejected) as caught:
        broker.place(order(market, quantity=Decimal(5000)), now=clock.now())
    assert caught.value.code == Rejection.INSUFFICIENT_FUNDS
    if market == "spot":
        with pytest.raises(BrokerRejected) as caught:
            broker.place(order(market, 1, quantity=Decimal("0.00002")), now=clock.now())
        assert (caught.value.code, caught.value.venue_code) == (Rejection.BELOW_MINIMUM, "-1013")
    assert venue.orders() == []


def test_an_order_below_the_lot_never_leaves(venue: Venue, spot: Broker, order: Order) -> None:
    with pytest.raises(BrokerRejected) as caught:
        spot.place(order(quantity=Decimal("0.000009")), now=clock.now())
    assert caught.value.code == Rejection.BELOW_MINIMUM
    assert venue.placed() == []


def test_no_key_is_in_an_error_a_log_or_a_repr(venue: Venue, order: Order, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    broker = broker_of(venue)
    venue.fault("accept_then_503")
    with pytest.raises(BrokerUnknown) as caught:
        broker.place(order(), now=clock.now())
    report = broker.place(order(number=1), now=clock.now())
    texts = [repr(broker), repr(caught.value), caught.value.raw, str(caught.value.__cause__), report.raw]
    texts += [record.getMessage() for record in caplog.records if not record.name.startswith("urllib3")]
    for secret in CREDENTIALS.values():
        assert not [text for text in texts if secret in text]


def test_an_answer_that_repeats_a_key_is_shown_without_it(venue: Venue, spot: Broker) -> None:
    from accounts.brokers.by_ccxt.errors import redacted

    assert redacted('{"key": "abcdef"}', ["abcdef"]) == '{"key": "***"}'


def test_ccxt_leaves_the_threads_decimals_alone(venue: Venue, spot: Broker, order: Order) -> None:
    before = decimal.getcontext().copy()
    spot.place(order(quantity=Decimal("0.0123456789")), now=clock.now())
    after = decimal.getcontext()
    assert (after.rounding, after.prec, after.traps) == (before.rounding, before.prec, before.traps)


def test_amounts_are_exact_to_the_last_digit(venue: Venue, spot: Broker, order: Order) -> None:
    venue.spot.balances["USDT"] = Decimal("123456789012345678.123456789")
    assert spot.balances()["USDT"].total == Decimal("123456789012345678.123456789")
    report = spot.place(order(side=Side.SELL, quantity=Decimal("0.12345")), now=clock.now())
    assert sum(fill.quantity for fill in report.fills) == Decimal("0.12345")


@pytest.mark.parametrize("url", ["http://192.0.2.7:9000", "ftp://127.0.0.1", "nowhere"])
def test_keys_travel_with_tls_but_for_loopback(venue: Venue, url: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        broker_class("binance")(venue.access(base_url=url))


def test_a_redirect_is_never_followed(venue: Venue, order: Order) -> None:
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    class Redirecting(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(307)
            self.send_header("Location", venue.url + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    broker_of(venue)
    with ThreadingHTTPServer(("127.0.0.1", 0), Redirecting) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        markets._loaded[("binance", "spot", False, url)] = markets._loaded[("binance", "spot", False, venue.url)]
        broker = broker_class("binance")(venue.access(base_url=url))
        with pytest.raises(BrokerUnknown):
            broker.place(order(), now=clock.now())
        server.shutdown()
    assert venue.placed() == []


def test_proxies_of_the_environment_are_not_used(venue: Venue, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert broker_of(venue).place(order(), now=clock.now()).status is ReportStatus.FILLED


def test_a_sandbox_has_its_own_address(venue: Venue) -> None:
    spot = broker_class("binance")(venue.access(base_url="", sandbox=True))
    swap = broker_class("binance")(venue.access(base_url="", sandbox=True, market="swap"))
    assert spot._venue.exchange.urls["api"]["private"] == "https://testnet.binance.vision/api/v3"
    assert swap._venue.exchange.urls["api"]["fapiPrivate"] == "https://demo-fapi.binance.com/fapi/v1"


def test_an_exchange_without_a_sandbox_says_so(venue: Venue) -> None:
    with pytest.raises(ConfigurationError, match="no test environment"):
        broker_class("kucoin")(venue.access(broker="kucoin", base_url="", sandbox=True))
