"""Between the handshake and the first byte of an order there is one more look, whoever carries it (D5)."""

import socket
import threading
import time
from datetime import timedelta
from decimal import Decimal

import pytest
import requests

from accounts.brokers import last_look
from accounts.brokers.alpaca import AlpacaBroker
from accounts.brokers.base import BrokerTemporary, OrderRequest
from accounts.brokers.by_ccxt import broker_class, markets
from accounts.brokers.okx.transport import Transport
from tests.accounts.alpaca import support as alpaca
from tests.accounts.okx import support as okx
from tests.fakes.alpaca import running_alpaca
from tests.fakes.binance import running_binance
from tests.fakes.venue import running_venue
from tradeops.core import clock
from tradeops.core.money import OrderType, Side

LONG_AGO, NOT_YET = 3600.0, -3600.0


def refuse():
    raise BrokerTemporary("the switch is on")


class Listener:
    """Takes one connection; `heard` is what came over it until it was closed, None while nobody has called."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.heard = None
        self._connected = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        connection, _ = self._socket.accept()
        with connection:
            self.heard = b""
            self._connected.set()
            while chunk := connection.recv(65536):
                self.heard += chunk
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    def connected(self):
        return self._connected.wait(10)

    def close(self):
        self._thread.join(10)
        self._socket.close()


@pytest.fixture
def listener():
    running = Listener()
    yield running
    running.close()


def by_urllib3(url):
    transport = Transport(url)
    try:
        transport.send("POST", "/order", headers={}, body="{}")
    finally:
        transport._pool.close()


def by_requests(url):
    with requests.Session() as session:
        session.mount("http://", last_look.Adapter())
        session.post(url + "/order", json={})


WAYS = [by_urllib3, by_requests]


@pytest.mark.parametrize("way", WAYS)
def test_it_looks_when_the_connection_stands_and_nothing_is_written(listener, way):
    seen = []

    def check():
        seen.append((listener.connected(), listener.heard))
        refuse()

    with pytest.raises(BrokerTemporary), last_look.guarded(check, age=LONG_AGO), last_look.placing():
        way(listener.url)
    listener.close()
    assert seen == [(True, b"")]
    assert listener.heard == b""


@pytest.mark.parametrize("way", WAYS)
def test_what_was_looked_at_lately_goes(listener, way):
    with last_look.guarded(refuse, age=NOT_YET), last_look.placing():
        way(listener.url)
    listener.close()
    assert listener.heard.startswith(b"POST /order ")


@pytest.mark.parametrize("way", WAYS)
def test_what_places_no_order_is_not_looked_at(listener, way):
    with last_look.guarded(refuse, age=LONG_AGO), last_look.placing(False):
        way(listener.url)
    listener.close()
    assert listener.heard.startswith(b"POST /order ")


def test_a_second_request_looks_anew():
    """Signed again because the venue's clock had been off: the first look is old by then."""
    looks = []
    with last_look.guarded(lambda: looks.append(1), age=LONG_AGO):
        last_look.look()
        time.sleep(last_look.FRESH_SECONDS + 0.05)
        last_look.look()
    assert looks == [1, 1]
    last_look.look()  # nobody asked for one
    assert looks == [1, 1]


class TestEveryAdapter:
    """An entry whose switch was turned on meanwhile never reaches the venue's ledger; questions still do."""

    def test_okx(self):
        with running_venue(balances={"USDT": "100000"}) as venue:
            broker = okx.broker(venue)
            with pytest.raises(BrokerTemporary, match="the switch is on"), last_look.guarded(refuse, age=LONG_AGO):
                broker.place(okx.request(), now=clock.now())
            calls = [one["call"] for one in venue.ledger.requests]
            assert venue.ledger.orders == []
            assert "POST /api/v5/trade/order" not in calls
            assert "GET /api/v5/public/instruments" in calls
            with last_look.guarded(refuse, age=NOT_YET):
                broker.place(okx.request(), now=clock.now())
            assert len(venue.ledger.orders) == 1

    def test_ccxt(self):
        markets.forget()
        with running_binance() as venue:
            broker = broker_class("binance")(venue.access())
            with pytest.raises(BrokerTemporary, match="the switch is on"), last_look.guarded(refuse, age=LONG_AGO):
                broker.place(_spot_order(), now=clock.now())
            assert venue.placed() == []
            with last_look.guarded(refuse, age=NOT_YET):
                broker.place(_spot_order(), now=clock.now())
            assert len(venue.placed()) == 1

    def test_alpaca(self):
        with running_alpaca() as venue:
            broker = AlpacaBroker(venue.access())
            with pytest.raises(BrokerTemporary, match="the switch is on"), last_look.guarded(refuse, age=LONG_AGO):
                broker.place(alpaca.order(), now=clock.now())
            assert venue.placed() == []
            with last_look.guarded(refuse, age=NOT_YET):
                broker.place(alpaca.order(), now=clock.now())
            assert len(venue.placed()) == 1


def _spot_order():
    return OrderRequest(
        client_order_id="tradeopstradeopstradeopstradeopa",
        symbol="BTC/USDT",
        market="spot",
        side=Side.BUY,
        type=OrderType.MARKET,
        quantity=Decimal("0.01"),
        closes=False,
        send_expires_at=clock.now() + timedelta(seconds=5),
    )
