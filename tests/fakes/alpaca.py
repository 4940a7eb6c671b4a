"""Alpaca on loopback: trading and data API of one account, refusing what the real one refuses, with scripted faults.

Faults, each for the next order: `accept_then_silence`, `accept_then_504`, `accept_then_reset`, `reset_before`,
`busy` (429), `page`.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from accounts.brokers.base import Access, Throttle
from accounts.throttle import Unlimited
from tests.fakes import loopback

D = Decimal
FUNDS, ONE = D(100000), D(1)
CREDENTIALS = {"api_key": "PKALPACAALPACA123456", "secret": "alpaca-secret-alpaca-secret-alpaca-secret"}
ASSETS = {
    "AAPL": {"tradable": True, "fractionable": True, "status": "active", "class": "us_equity"},
    "BRK.A": {"tradable": True, "fractionable": False, "status": "active", "class": "us_equity"},
    "HALT": {"tradable": False, "fractionable": False, "status": "inactive", "class": "us_equity"},
}
_KNOWN = {
    "symbol", "qty", "notional", "side", "type", "time_in_force", "limit_price", "stop_price", "trail_percent",
    "client_order_id", "order_class", "take_profit", "stop_loss",
}  # fmt: skip


class Refused(Exception):
    def __init__(self, status: int, code: int, words: str) -> None:
        super().__init__(words)
        self.status, self.code, self.words = status, code, words


@dataclass
class Venue:
    url: str = ""
    credentials: dict[str, str] = field(default_factory=lambda: dict(CREDENTIALS))
    cash: Decimal = FUNDS
    positions: dict[str, Decimal] = field(default_factory=dict)
    prices: dict[str, tuple[Decimal, Decimal]] = field(
        default_factory=lambda: {name: (D("199.98"), D("200.02")) for name in ASSETS}
    )
    orders: list[dict[str, Any]] = field(default_factory=list)
    fills: list[dict[str, Any]] = field(default_factory=list)
    activities: list[dict[str, Any]] = field(default_factory=list)  # that are no trades, oldest first
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    blind: bool = False  # questions are answered with 503
    part: Decimal = ONE  # the share of an order that fills at once
    blocked: bool = False
    lock: Any = field(default_factory=threading.RLock)
    stopping: threading.Event = field(default_factory=threading.Event)

    def fault(self, *names: str) -> None:
        self.faults.extend(names)

    def transfer(self, kind: str, amount: str, *, day: str, **facts: str) -> dict[str, Any]:
        """Cash in or out (`net_amount` is signed), as the activities list it."""
        number = f"{day.replace('-', '')}000000000::{uuid.uuid4()}"
        made = {"activity_type": kind, "id": number, "date": day, "net_amount": amount, "status": "executed", **facts}
        self.activities.append(made)
        self.cash += D(amount)
        return made

    def placed(self) -> list[dict[str, Any]]:
        return [said for method, path, said in self.requests if (method, path) == ("POST", "/v2/orders")]

    def access(self, *, throttle: Throttle | None = None, **changes: Any) -> Access:
        facts: dict[str, Any] = {
            "account_id": 1, "slug": "alpaca-1", "broker": "alpaca", "market": "spot", "sandbox": True,
            "throttle": throttle or Unlimited(), "base_url": self.url, "credentials": self.credentials,
            "currency": "USD",
        }  # fmt: skip
        return Access(**{**facts, **changes})

    def place(self, said: dict[str, Any]) -> dict[str, Any]:
        self._check(said)
        order = _order(said, said["type"])
        if said.get("order_class") in ("bracket", "oto"):
            order["legs"] = self._legs(said)
        self.orders.append(order)
        bid, ask = self.prices[said["symbol"]]
        price = ask if said["side"] == "buy" else bid
        limit = said.get("limit_price")
        crosses = limit is not None and (D(limit) >= ask if said["side"] == "buy" else D(limit) <= bid)
        if said["type"] == "market" or (said["type"] == "limit" and crosses):
            quantity = (
                D(said["qty"]) if "qty" in said else (D(said["notional"]) / price).quantize(D("1E-9"), ROUND_DOWN)
            )
            self.fill(order, quantity * self.part, price, of=quantity)
        if order["status"] != "filled" and said["time_in_force"] in ("ioc", "fok"):
            order["status"] = "canceled"
        return order

    def move(self, symbol: str, price: Decimal) -> None:
        """The market goes there; what it reaches is filled."""
        self.prices[symbol] = (price - D("0.02"), price + D("0.02"))
        for order in [one for one in self.all_orders() if one["status"] == "new" and one["symbol"] == symbol]:
            buys = order["side"] == "buy"
            stop, limit = order["stop_price"], order["limit_price"]
            if stop is not None and (price >= D(stop) if buys else price <= D(stop)):
                self.fill(order, D(order["qty"]), price)
            elif stop is None and limit is not None and (price <= D(limit) if buys else price >= D(limit)):
                self.fill(order, D(order["qty"]), D(limit))

    def _legs(self, said: dict[str, Any]) -> list[dict[str, Any]]:
        other = {"symbol": said["symbol"], "side": "sell" if said["side"] == "buy" else "buy", "qty": said["qty"]}
        legs = []
        if "take_profit" in said:
            legs.append(_order({**other, "limit_price": said["take_profit"]["limit_price"]}, "limit", "held"))
        if "stop_loss" in said:
            legs.append(_order({**other, "stop_price": said["stop_loss"]["stop_price"]}, "stop", "held"))
        return legs

    def _check(self, said: dict[str, Any]) -> None:
        asset = ASSETS.get(said.get("symbol", ""))
        amounts = [said.get(name) for name in ("qty", "notional", "limit_price", "stop_price", "trail_percent")]
        if not said.keys() <= _KNOWN or any(not isinstance(one, str) for one in amounts if one is not None):
            raise Refused(422, 40010001, "request body format is invalid")
        if asset is None or not asset["tradable"]:
            raise Refused(422, 42210000, f'asset "{said.get("symbol")}" is not tradable')
        if any(one["client_order_id"] == said["client_order_id"] for one in self.orders):
            raise Refused(422, 40010001, "client_order_id must be unique")
        self._check_size(said, asset)
        for name in ("limit_price", "stop_price"):
            if name in said and D(said[name]) % D("0.01"):
                raise Refused(
                    422, 42210000, f"invalid {name} {said[name]}. sub-penny increment does not fulfill minimum"
                )
        self._check_funds(said)

    def _check_size(self, said: dict[str, Any], asset: dict[str, Any]) -> None:
        quantity = D(said.get("qty", "1"))
        if quantity <= 0:
            raise Refused(422, 40010001, "qty must be > 0")
        fractional = "notional" in said or quantity % 1
        if fractional and not asset["fractionable"]:
            raise Refused(403, 40310000, f'asset "{said["symbol"]}" is not fractionable')
        if fractional and said["time_in_force"] != "day":
            raise Refused(422, 42210000, "fractional orders must be DAY orders")
        if fractional and "order_class" in said:
            raise Refused(422, 42210000, "fractional orders must be simple orders")

    def _check_funds(self, said: dict[str, Any]) -> None:
        ask = self.prices[said["symbol"]][1]
        value = D(said["notional"]) if "notional" in said else D(said["qty"]) * D(said.get("limit_price", str(ask)))
        if said["side"] == "buy" and value > self.cash:
            raise Refused(403, 40310000, "insufficient buying power")
        held = self.positions.get(said["symbol"], D(0))
        if said["side"] == "sell" and D(said.get("qty", "0")) > held:
            raise Refused(403, 40310000, f"insufficient qty available for order (requested: {said['qty']})")

    def fill(self, order: dict[str, Any], quantity: Decimal, price: Decimal, *, of: Decimal | None = None) -> None:
        sign = 1 if order["side"] == "buy" else -1
        self.positions[order["symbol"]] = self.positions.get(order["symbol"], D(0)) + sign * quantity
        self.cash -= sign * quantity * price
        before = D(order["filled_qty"])
        value = before * D(order["filled_avg_price"] or "0") + quantity * price
        order["filled_qty"] = str(before + quantity)
        order["filled_avg_price"] = str(value / (before + quantity))
        whole = of if of is not None else D(order["qty"])
        order["status"] = "filled" if before + quantity >= whole else "partially_filled"
        if order["status"] == "filled":
            self._arm(order)
        now = _now()
        self.fills.append(
            {
                "id": f"{now.replace('-', '').replace(':', '')[:18]}::{uuid.uuid4()}", "activity_type": "FILL",
                "order_id": order["id"], "symbol": order["symbol"], "side": order["side"], "qty": str(quantity),
                "price": str(price), "transaction_time": now, "type": "fill", "cum_qty": order["filled_qty"],
            }
        )  # fmt: skip

    def _arm(self, order: dict[str, Any]) -> None:
        """The legs of a filled entry come alive; of a filled leg, the other is cancelled."""
        for leg in order["legs"] or ():
            leg["status"] = "new"
        for entry in self.orders:
            if order in (entry["legs"] or ()):
                for leg in entry["legs"]:
                    leg["status"] = leg["status"] if leg is order else "canceled"

    def all_orders(self) -> list[dict[str, Any]]:
        return [one for order in self.orders for one in (order, *(order.get("legs") or ()))]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z"


def _order(said: dict[str, Any], kind: str, status: str = "new") -> dict[str, Any]:
    facts = {
        "id": str(uuid.uuid4()), "client_order_id": said.get("client_order_id") or str(uuid.uuid4()), "status": status,
        "created_at": _now(), "submitted_at": _now(), "filled_qty": "0", "filled_avg_price": None, "legs": None,
        "qty": None, "notional": None, "limit_price": None, "stop_price": None, "order_class": "simple",
    }  # fmt: skip
    return {**facts, **{name: value for name, value in said.items() if value is not None}, "type": kind, "legs": None}


class _Handler(loopback.Handler):
    def answer(self) -> None:
        venue, method = self.server.venue, self.command
        parts = urlsplit(self.path)
        body = self.body().decode()
        said = json.loads(body) if body else dict(parse_qsl(parts.query))
        path = unquote(parts.path)
        with venue.lock:
            venue.requests.append((method, path, said))
            fault = venue.faults.pop(0) if (method, path) == ("POST", "/v2/orders") and venue.faults else ""
            if venue.blind and method == "GET":
                self.say(503, {"message": "service unavailable"})
                return
            if fault == "busy":
                self.say(429, {"message": "too many requests."}, Retry_After="3")
                return
            if fault == "reset_before":
                self.reset()
                return
            try:
                self._verify(venue)
                status, answer = 200, _route(venue, method, path, said)
            except Refused as error:
                status, answer = error.status, {"code": error.code, "message": error.words}
        if fault == "accept_then_silence":
            venue.stopping.wait(3)
            self.close_connection = True
        elif fault == "accept_then_reset":
            self.reset()
        elif fault == "accept_then_504":
            self.say(504, {"message": "gateway timeout"})
        elif fault == "page":
            self.say(200, "<html></html>")
        else:
            self.say(*((204, b"") if answer is None else (status, answer)))

    def _verify(self, venue: Venue) -> None:
        given = (self.headers.get("APCA-API-KEY-ID"), self.headers.get("APCA-API-SECRET-KEY"))
        if given != (CREDENTIALS["api_key"], CREDENTIALS["secret"]):
            raise Refused(401, 40110000, "request is not authorized")


def _route(venue: Venue, method: str, path: str, said: dict[str, Any]) -> Any:
    name = path.removeprefix("/v2/")
    if (method, name) == ("POST", "orders"):
        return venue.place(said)
    if method == "DELETE" and name.startswith("orders/"):
        return _cancel(venue, name.partition("/")[2])
    if name == "orders:by_client_order_id":
        return _one(venue, "client_order_id", said["client_order_id"])
    if name == "orders":
        return _listed(venue, said)
    if name == "account/activities/FILL":
        return _activities(venue, said)
    if name == "account/activities":
        return _other_activities(venue, said)
    return _facts(venue, name)


def _one(venue: Venue, key: str, value: str) -> dict[str, Any]:
    for order in venue.all_orders():
        if order[key] == value:
            return order
    raise Refused(404, 40410000, "order not found for " + value)


def _cancel(venue: Venue, number: str) -> None:
    order = _one(venue, "id", number)
    if order["status"] not in ("new", "partially_filled", "held", "accepted"):
        raise Refused(422, 42210000, f'order is already in "{order["status"]}" state')
    order["status"] = "canceled"


def _listed(venue: Venue, said: dict[str, str]) -> list[dict[str, Any]]:
    nested = said.get("nested") == "true"
    source = venue.orders if nested else [{**one, "legs": None} for one in venue.all_orders()]
    alive = ("new", "partially_filled", "accepted", "held")
    return [
        one
        for one in source
        if (said.get("status") == "all" or one["status"] in alive)
        and ("symbols" not in said or one["symbol"] in said["symbols"].split(","))
    ]


def _activities(venue: Venue, said: dict[str, str]) -> list[dict[str, Any]]:
    found = [one for one in venue.fills if one["transaction_time"][:26] > said["after"][:26]]
    if "page_token" in said:
        place = [one["id"] for one in found].index(said["page_token"])
        found = found[place + 1 :]
    return found[: int(said["page_size"])]


def _other_activities(venue: Venue, said: dict[str, str]) -> list[dict[str, Any]]:
    """They bear a date: those of the days after the one that `after` lies in."""
    kinds = said["activity_types"].split(",")
    found = [one for one in venue.activities if one["activity_type"] in kinds and one["date"] > said["after"][:10]]
    if "page_token" in said:
        place = [one["id"] for one in found].index(said["page_token"])
        found = found[place + 1 :]
    return found[: int(said["page_size"])]


def _facts(venue: Venue, name: str) -> Any:
    kind, _, rest = name.partition("/")
    if name == "account":
        return {
            "account_number": "PA123", "status": "ACTIVE", "cash": str(venue.cash), "currency": "USD",
            "buying_power": str(venue.cash * 2), "non_marginable_buying_power": str(venue.cash),
            "trading_blocked": venue.blocked, "account_blocked": False, "trade_suspended_by_user": False,
        }  # fmt: skip
    if kind == "assets":
        if rest not in ASSETS:
            raise Refused(404, 40410000, f"asset not found for {rest}")
        return {"id": str(uuid.uuid4()), "symbol": rest, **ASSETS[rest]}
    if name == "positions":
        return [_position(venue, symbol) for symbol, held in venue.positions.items() if held]
    if kind == "positions":
        if not venue.positions.get(rest):
            raise Refused(404, 40410000, "position does not exist")
        return _position(venue, rest)
    symbol, _, asked = rest.partition("/")
    if kind == "stocks" and symbol in ASSETS:
        bid, ask = venue.prices[symbol]
        if asked == "quotes/latest":
            return {
                "symbol": symbol,
                "quote": {"bp": float(bid), "ap": float(ask), "t": "2026-11-20T20:59:59.123456789Z"},
            }
        return {"symbol": symbol, "trade": {"p": 200.005, "t": "2026-11-20T20:59:58Z"}}
    raise Refused(404, 40410000, "no such address")


def _position(venue: Venue, symbol: str) -> dict[str, Any]:
    held = str(venue.positions[symbol])
    return {
        "symbol": symbol, "qty": held, "qty_available": held, "side": "long", "avg_entry_price": "200.02",
        "current_price": "199.98", "unrealized_pl": "-0.4",
    }  # fmt: skip


@contextmanager
def running_alpaca() -> Iterator[Venue]:
    venue = Venue()
    with loopback.serving(_Handler, venue) as venue.url:
        try:
            yield venue
        finally:
            venue.stopping.set()
