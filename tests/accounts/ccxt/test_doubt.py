"""What the venue answers when it does not know itself: never a rejection, for the order may be at the venue."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import ccxt
import pytest

from accounts.brokers.base import (
    BrokerError,
    BrokerRejected,
    BrokerTemporary,
    BrokerUnknown,
    OrderRequest,
    Rejection,
    ReportStatus,
)
from accounts.brokers.by_ccxt import broker_class, dialects, errors, markets
from accounts.brokers.by_ccxt.wire import Call
from tests.fakes.bybit import Venue, running_bybit
from tradeops.core import clock

from .conftest import SYMBOLS, client_id

Order = Callable[..., OrderRequest]


def judged(exchange: str, kind: type[Exception], body: str, *, sent: bool = True, status: int = 200) -> BrokerError:
    call = Call(("order",), sent=sent, status=status, body=body)
    return errors.judged(kind("what ccxt says"), call, dialect=dialects.of(exchange), secrets=())


@pytest.fixture
def bybit() -> Iterator[Venue]:
    markets.forget()
    with running_bybit() as running:
        yield running


@pytest.mark.parametrize("market", ["spot", "swap"])
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (10016, "System error. Please try again later."),
        (10016, "Server error."),
        (5004, "Server Timeout"),
        (10000, "Server Timeout"),
        (170001, "Internal error."),
        (170007, "Timeout waiting for response from backend server."),
        (170032, "Network error. Please try again later"),
        (170035, "Submitted to the system for processing!"),
        (170146, "Order creation timeout"),
        (170149, "Create order failed"),
        (170234, "System Error"),
    ],
)
def test_bybit_s_faults_leave_the_order_unknown_and_it_is_found(
    bybit: Venue, order: Order, market: str, code: int, words: str
) -> None:
    broker = broker_class("bybit")(bybit.access(market))
    bybit.accepts_then_says = (code, words)
    with pytest.raises(BrokerUnknown) as caught:
        broker.place(order(market), now=clock.now())
    assert caught.value.venue_code == str(code)
    found = broker.fetch(client_id(), symbol=SYMBOLS[market], now=clock.now())
    assert found is not None
    assert (found.status, found.filled) == (ReportStatus.FILLED, Decimal("0.01"))
    assert len(bybit.placed()) == 1


@pytest.mark.parametrize(
    ("exchange", "kind", "status", "body"),
    [
        ("bitget", ccxt.ExchangeError, 400, '{"code": "40015", "msg": "System is abnormal, please try again later"}'),
        ("bitget", ccxt.ExchangeNotAvailable, 400, '{"code": "40604", "msg": "Server is busy"}'),
        ("kucoin", ccxt.BadRequest, 200, '{"code": "408000", "msg": "Network timeout, please try again later"}'),
        ("kucoin", ccxt.ExchangeError, 200, '{"code": "300000", "msg": "Internal Server Error"}'),
        ("gate", ccxt.ExchangeError, 400, '{"label": "SERVER_ERROR", "message": "Internal Error"}'),
        ("mexc", ccxt.ExchangeError, 400, '{"code": 500, "msg": "Internal error"}'),
        ("mexc", ccxt.ExchangeError, 400, '{"code": 10219, "msg": "asset flow writing failed please try again"}'),
        ("hashkey", ccxt.ExchangeError, 400, '{"code": "-1006", "msg": "Execution status unknown"}'),
        ("woo", ccxt.ExchangeError, 400, '{"code": -1011, "message": "Can not place, internal network error"}'),
        ("poloniex", ccxt.ExchangeError, 400, '{"code": 603, "message": "Internal Request Timeout"}'),
        ("foxbit", ccxt.ExchangeError, 400, '{"error": {}, "message": "An unknown error occurred while processing"}'),
        ("tokocrypto", ccxt.DDoSProtection, 200, '{"code": -3044, "msg": "System busy."}'),
        ("onetrading", ccxt.AuthenticationError, 400, '{"error": "INTERNAL_ERROR"}'),
        ("binance", ccxt.ExchangeError, 400, '{"code": -9999, "msg": "Order timed out; execution status unknown"}'),
        (
            "okx",
            ccxt.ExchangeError,
            200,
            '{"code": "1", "data": [{"sCode": "63999", "sMsg": "Internal system error"}]}',
        ),
    ],
)
def test_a_code_of_no_table_whose_words_tell_nothing_is_unknown_once_sent(
    exchange: str, kind: type[Exception], status: int, body: str
) -> None:
    assert isinstance(judged(exchange, kind, body, status=status), BrokerUnknown)
    assert isinstance(judged(exchange, kind, body, status=status, sent=False), BrokerTemporary)


@pytest.mark.parametrize(
    ("exchange", "kind", "body", "code"),
    [
        (
            "bybit", ccxt.InvalidOrder,
            '{"retCode": 170197, "retMsg": "Your order quantity to buy is too large. Please try again"}',
            Rejection.ABOVE_MAXIMUM,
        ),
        (
            "kucoin", ccxt.BadRequest,
            '{"code": "330005", "msg": "The position mode does not match. Please switch and try again."}',
            Rejection.POSITION_MODE,
        ),
        (
            "bybit", ccxt.InsufficientFunds,
            '{"retCode": 175003, "retMsg": "Insufficient available balance. Please make a deposit and try again."}',
            Rejection.INSUFFICIENT_FUNDS,
        ),
        ("bybit", ccxt.ExchangeError, '{"retCode": 110007, "retMsg": "server error"}', Rejection.INSUFFICIENT_FUNDS),
        ("bybit", ccxt.InvalidNonce, '{"retCode": 77, "retMsg": "request timeout"}', Rejection.CLOCK),
        ("bybit", ccxt.InvalidOrder, '{"retCode": 170115, "retMsg": "Invalid timeInForce."}', Rejection.REJECTED),
    ],
)  # fmt: skip
def test_a_reason_stays_a_refusal(exchange: str, kind: type[Exception], body: str, code: str) -> None:
    found = judged(exchange, kind, body)
    assert isinstance(found, BrokerRejected)
    assert found.code == code


def test_too_many_requests_stay_a_limit() -> None:
    found = judged("binance", ccxt.RateLimitExceeded, '{"code": -77, "msg": "Too many requests. Please try again"}')
    assert isinstance(found, BrokerTemporary)
    assert found.code == "rate_limited"


def test_bybit_s_protection_against_too_many_orders_is_a_limit() -> None:
    found = judged("bybit", ccxt.ExchangeError, '{"retCode": 10429, "retMsg": "System level frequency protection"}')
    assert isinstance(found, BrokerTemporary)
    assert found.code == "rate_limited"
