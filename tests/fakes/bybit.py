"""Bybit v5 on loopback, as far as orders need it: one linear and one spot symbol, signatures and ids verified.

Shapes are those of https://bybit-exchange.github.io/docs/v5; what ccxt does not read is left out.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from accounts.brokers.base import Access
from accounts.throttle import Unlimited
from tests.fakes import loopback

D = Decimal
CREDENTIALS = {"api_key": "bybit-key-bybit-key", "secret": "bybit-secret-bybit-secret"}


class Refused(Exception):
    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


class Venue:
    def __init__(self) -> None:
        self.url = ""
        self.credentials = dict(CREDENTIALS)
        self.hedge = False
        self.accepts_then_says: tuple[int, str] | None = None  # the next order is taken, and answered so
        self.price = D(50000)
        self.orders: list[dict[str, Any]] = []
        self.trades: list[dict[str, Any]] = []
        self.log: list[dict[str, Any]] = []  # as `GET /v5/account/transaction-log` lists it
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()

    def access(self, market: str, **changes: Any) -> Access:
        facts: dict[str, Any] = {
            "account_id": 1, "slug": "bybit-1", "broker": "bybit", "market": market, "throttle": Unlimited(),
            "base_url": self.url, "credentials": self.credentials,
        }  # fmt: skip
        return Access(**{**facts, **changes})

    def placed(self) -> list[dict[str, Any]]:
        return [said for _, path, said in self.requests if path == "/v5/order/create"]

    def place(self, said: dict[str, Any]) -> dict[str, Any]:
        contract = said["category"] == "linear"
        if contract and self.hedge != (said.get("positionIdx", 0) in (1, 2)):
            raise Refused(10001, "position idx not match position mode")
        if any(one["orderLinkId"] == said["orderLinkId"] for one in self.orders):
            raise Refused(110072, "OrderLinkedID is duplicate")
        quantity = D(said["qty"])
        if contract and quantity % D("0.001"):
            raise Refused(10001, "Qty invalid")
        if quantity * self.price > 1_000_000:
            raise Refused(110007, "ab not enough for new order")
        now = str(int(time.time() * 1000))
        order = {
            "orderId": f"b-{next(self.numbers)}", "orderLinkId": said["orderLinkId"], "symbol": said["symbol"],
            "side": said["side"], "orderType": said["orderType"], "qty": said["qty"], "price": said.get("price", ""),
            "orderStatus": "New", "cumExecQty": "0", "cumExecValue": "0", "avgPrice": "", "createdTime": now,
            "updatedTime": now, "timeInForce": said.get("timeInForce", "GTC"), "category": said["category"],
            "positionIdx": said.get("positionIdx", 0), "reduceOnly": said.get("reduceOnly", False),
            "triggerPrice": said.get("triggerPrice", ""), "stopOrderType": "Stop" if "triggerPrice" in said else "",
        }  # fmt: skip
        if "triggerPrice" in said:
            order["orderStatus"] = "Untriggered"
        self.orders.append(order)
        if order["orderType"] == "Market" and "triggerPrice" not in said:
            self.fill(order)
        return {"orderId": order["orderId"], "orderLinkId": order["orderLinkId"]}

    def fill(self, order: dict[str, Any]) -> None:
        value = D(order["qty"]) * self.price
        order |= {
            "orderStatus": "Filled", "cumExecQty": order["qty"], "cumExecValue": str(value), "avgPrice": str(self.price)
        }  # fmt: skip
        base = order["category"] == "spot" and order["side"] == "Buy"
        self.trades.append(
            {
                "execId": f"t-{next(self.numbers)}", "orderId": order["orderId"], "orderLinkId": order["orderLinkId"],
                "symbol": order["symbol"], "side": order["side"], "execQty": order["qty"], "execPrice": str(self.price),
                "execFee": str(D(order["qty"]) / 1000 if base else value / 1000), "execType": "Trade",
                "feeCurrency": "BTC" if base else "USDT", "execTime": str(int(time.time() * 1000)),
                "stopOrderType": order["stopOrderType"], "category": order["category"], "isMaker": False,
            }
        )  # fmt: skip

    def net(self) -> Decimal:
        return sum((D(one["execQty"]) * (1 if one["side"] == "Buy" else -1) for one in self.trades), D(0))


def _instrument(category: str) -> dict[str, Any]:
    shared = {"symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "status": "Trading"}
    prices = {"tickSize": "0.1", "minPrice": "0.1", "maxPrice": "1999999"}
    if category == "spot":
        sizes = {"basePrecision": "0.000001", "quotePrecision": "0.0000001", "minOrderQty": "0.00001",
                 "maxOrderQty": "100", "minOrderAmt": "5", "maxOrderAmt": "8000000"}  # fmt: skip
        return shared | {"lotSizeFilter": sizes, "priceFilter": prices, "marginTrading": "none"}
    sizes = {"qtyStep": "0.001", "minOrderQty": "0.001", "maxOrderQty": "1190", "minNotionalValue": "5"}
    return shared | {
        "contractType": "LinearPerpetual", "settleCoin": "USDT", "lotSizeFilter": sizes, "priceFilter": prices,
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100", "leverageStep": "0.01"}, "deliveryTime": "0",
        "launchTime": "1584230400000",
    }  # fmt: skip


def _listed(venue: Venue, said: dict[str, Any], *, alive: bool | None) -> list[dict[str, Any]]:
    open_ = ("New", "PartiallyFilled", "Untriggered")
    return [
        one
        for one in venue.orders
        if one["category"] == said["category"]
        and said.get("orderLinkId", one["orderLinkId"]) == one["orderLinkId"]
        and said.get("orderId", one["orderId"]) == one["orderId"]
        and (alive is None or (one["orderStatus"] in open_) == alive)
        and (said.get("orderFilter") != "StopOrder" or one["stopOrderType"])
    ]


def _asked(trade: dict[str, Any], said: dict[str, Any]) -> bool:
    return all(said.get(name, trade[name]) == trade[name] for name in ("orderId", "execType"))


def _positions(venue: Venue) -> list[dict[str, Any]]:
    net = venue.net()
    idle = {"symbol": "BTCUSDT", "side": "", "size": "0", "avgPrice": "0", "positionIdx": 1 if venue.hedge else 0}
    side = "Buy" if net > 0 else "Sell"
    found = {**idle, "side": side, "size": str(abs(net)), "avgPrice": str(venue.price)} if net else idle
    return [{**found, "leverage": "3", "markPrice": str(venue.price), "unrealisedPnl": "-0.1", "tradeMode": 0}]


def _created(venue: Venue, said: dict[str, Any]) -> dict[str, Any]:
    found, fault = venue.place(said), venue.accepts_then_says
    if fault is not None:
        venue.accepts_then_says = None
        raise Refused(*fault)
    return found


def _cancelled(venue: Venue, said: dict[str, Any]) -> dict[str, Any]:
    for order in _listed(venue, said, alive=True):
        order["orderStatus"] = "Cancelled"
        return {"orderId": order["orderId"], "orderLinkId": order["orderLinkId"]}
    raise Refused(110001, "order not exists or too late to cancel")


def _result(venue: Venue, path: str, said: dict[str, Any]) -> Any:
    category = said.get("category", "")
    answers: dict[str, Any] = {
        "/v5/market/instruments-info": lambda: {"category": category, "list": [_instrument(category)]},
        "/v5/user/query-api": lambda: {
            "unified": 0, "uta": 1, "readOnly": 0, "ips": ["127.0.0.1"], "userID": 24617703,
            "permissions": {"ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"], "Wallet": []},
        },
        "/v5/account/info": lambda: {"unifiedMarginStatus": 4, "marginMode": "REGULAR_MARGIN"},
        "/v5/order/create": lambda: _created(venue, said),
        "/v5/order/cancel": lambda: _cancelled(venue, said),
        "/v5/order/realtime": lambda: {"category": category, "list": _listed(venue, said, alive=True)},
        "/v5/order/history": lambda: {"category": category, "list": _listed(venue, said, alive=False)},
        "/v5/execution/list": lambda: {
            "category": category,
            "list": [one for one in venue.trades if _asked(one, said)],
        },
        "/v5/account/transaction-log": lambda: {
            "list": [
                row for row in venue.log
                if row["type"] == said["type"] and said["accountType"] == "UNIFIED"
                and int(said["startTime"]) <= int(row["transactionTime"]) <= int(said["endTime"])
            ][: int(said["limit"])]
        },
        "/v5/position/list": lambda: {"category": category, "list": _positions(venue)},
        "/v5/position/set-leverage": dict,
        "/v5/account/wallet-balance": lambda: {
            "list": [{"accountType": "UNIFIED", "coin": [
                {"coin": "USDT", "walletBalance": "100000", "equity": "100000", "locked": "0"},
                {"coin": "BTC", "walletBalance": "1", "equity": "1", "locked": "0"},
            ]}]
        },
        "/v5/market/tickers": lambda: {"category": category, "list": [
            {"symbol": "BTCUSDT", "lastPrice": "50000", "bid1Price": "49999.9", "ask1Price": "50000.1",
             "bid1Size": "0.004", "volume24h": "1000", "turnover24h": "1"},
        ]},
    }  # fmt: skip
    return answers[path]()


class _Handler(loopback.Handler):
    def answer(self) -> None:
        venue, parts, body = self.server.venue, urlsplit(self.path), self.body().decode()
        path, signed = parts.path, body or parts.query
        said = json.loads(body) if body else dict(parse_qsl(parts.query))
        with venue.lock:
            venue.requests.append((self.command, path, said))
            try:
                if not path.startswith("/v5/market/"):
                    self._verify(signed)
                answer = {"retCode": 0, "retMsg": "OK", "result": _result(venue, path, said)}
            except Refused as error:
                answer = {"retCode": error.code, "retMsg": error.words, "result": {}}
        self.say(200, answer | {"time": int(time.time() * 1000)})

    def _verify(self, signed: str) -> None:
        at, window = self.headers["X-BAPI-TIMESTAMP"], self.headers["X-BAPI-RECV-WINDOW"]
        if self.headers["X-BAPI-API-KEY"] != CREDENTIALS["api_key"]:
            raise Refused(10003, "API key is invalid.")
        text = f"{at}{CREDENTIALS['api_key']}{window}{signed}"
        wanted = hmac.new(CREDENTIALS["secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
        if self.headers["X-BAPI-SIGN"] != wanted:
            raise Refused(10004, "error sign!")
        if abs(time.time() * 1000 - int(at)) > int(window):
            raise Refused(10002, "invalid request, please check your server timestamp or recv_window param.")


@contextmanager
def running_bybit() -> Iterator[Venue]:
    venue = Venue()
    with loopback.serving(_Handler, venue) as venue.url:
        yield venue
