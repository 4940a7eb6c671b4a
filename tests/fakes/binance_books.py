"""The books of the loopback Binance: filters, matching against one settable price, balances, positions.

Codes and words are those of Binance's "Error Codes" (spot) and "Error Code" (USDⓈ-M) pages.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Any

D = Decimal
ZERO, ONE = D(0), D(1)
ID_FORM = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
FEE = D("0.001")


class Refused(Exception):
    def __init__(self, code: int, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.code, self.words, self.status = code, words, status


@dataclass
class Order:
    number: int
    client_id: str
    symbol: str
    side: str
    type: str
    quantity: Decimal
    at: int
    price: Decimal = ZERO
    stop: Decimal = ZERO
    tif: str = "GTC"
    position_side: str = "BOTH"
    reduce_only: bool = False
    status: str = "NEW"
    filled: Decimal = ZERO
    value: Decimal = ZERO
    algo: bool = False
    child: int = 0
    rate: Decimal = ZERO
    hidden: int = 0  # questions that will not see it yet

    @property
    def open(self) -> bool:
        return self.status in ("NEW", "PARTIALLY_FILLED")


@dataclass
class Trade:
    number: int
    order: Order
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at: int


SYMBOLS: dict[str, dict[str, Any]] = {
    "BTCUSDT": {"base": "BTC", "quote": "USDT", "lot": D("0.00001"), "tick": D("0.01"), "notional": D(5)},
    "ETHUSDT": {"base": "ETH", "quote": "USDT", "lot": D("0.0001"), "tick": D("0.01"), "notional": D(5)},
}
FUTURES_LOT = {"BTCUSDT": D("0.001"), "ETHUSDT": D("0.001")}
FUTURES_TICK = {"BTCUSDT": D("0.1"), "ETHUSDT": D("0.01")}


@dataclass
class Book:
    """One market, spot or futures, of one account. `now` is the venue's clock in milliseconds."""

    futures: bool
    balances: dict[str, Decimal]
    hedge: bool = False
    orders: list[Order] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    positions: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    locked: dict[str, Decimal] = field(default_factory=dict)
    prices: dict[str, tuple[Decimal, Decimal]] = field(
        default_factory=lambda: {"BTCUSDT": (D("49999.9"), D("50000.1")), "ETHUSDT": (D("2999.9"), D("3000.1"))}
    )
    leverage: dict[str, int] = field(default_factory=dict)
    margin: dict[str, str] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)  # TRADING where nothing is said; empty = not listed any more
    part: Decimal = ONE  # the share of an order that fills at once
    numbers: Any = field(default_factory=lambda: itertools.count(1001))

    def lot(self, symbol: str) -> Decimal:
        return FUTURES_LOT[symbol] if self.futures else SYMBOLS[symbol]["lot"]

    def tick(self, symbol: str) -> Decimal:
        return FUTURES_TICK[symbol] if self.futures else SYMBOLS[symbol]["tick"]

    def place(self, said: dict[str, str], now: int, *, algo: bool = False) -> Order:
        order = self._read(said, now, algo=algo)
        self._check_id(order)
        self._check_filters(order, said)
        self._check_position_side(order)
        self._check_funds(order)
        self.orders.append(order)
        if order.algo or order.type.startswith(("STOP", "TAKE_PROFIT")):
            return order
        self._match(order, now)
        return order

    def _read(self, said: dict[str, str], now: int, *, algo: bool) -> Order:
        symbol = said.get("symbol", "")
        if symbol not in SYMBOLS:
            raise Refused(-1121, "Invalid symbol.")
        if self.status.get(symbol, "TRADING") != "TRADING":
            raise Refused(-1013, "Market is closed.")
        bid, ask = self.prices[symbol]
        quantity = D(said.get("quantity", "0"))
        if "quoteOrderQty" in said:
            price = ask if said["side"] == "BUY" else bid
            quantity = (D(said["quoteOrderQty"]) / price).quantize(self.lot(symbol), rounding=ROUND_DOWN)
        return Order(
            number=next(self.numbers),
            client_id=said.get("clientAlgoId" if algo else "newClientOrderId", ""),
            symbol=symbol,
            side=said["side"],
            type=said["type"],
            quantity=quantity,
            at=now,
            price=D(said.get("price", "0")),
            stop=D(said.get("triggerPrice") or said.get("stopPrice") or "0"),
            tif=said.get("timeInForce", "GTC"),
            position_side=said.get("positionSide", "BOTH"),
            reduce_only=said.get("reduceOnly") == "true",
            algo=algo,
            rate=D(said.get("callbackRate", "0")),
        )

    def _check_id(self, order: Order) -> None:
        if not ID_FORM.fullmatch(order.client_id):
            words = "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'."
            raise Refused(-4015 if self.futures else -1100, words)
        # The same id again is refused only while its order rests: once it is filled, it is a new order.
        if any(known.open and known.client_id == order.client_id for known in self.orders):
            if self.futures:
                raise Refused(-4116, "ClientOrderId is duplicated.")
            raise Refused(-2010, "Duplicate order sent.")

    def _check_filters(self, order: Order, said: dict[str, str]) -> None:
        lot, tick = self.lot(order.symbol), self.tick(order.symbol)
        bid, ask = self.prices[order.symbol]
        price = order.price or ask
        if order.quantity < lot or order.quantity % lot:
            raise Refused(-1111 if self.futures else -1013, "Filter failure: LOT_SIZE")
        if order.price % tick or order.stop % tick:
            code = -4014 if self.futures else -1013
            raise Refused(code, "Price not increased by tick size." if self.futures else "Filter failure: PRICE_FILTER")
        if order.quantity * price < D(5) and not order.reduce_only:
            words = "Order's notional must be no smaller than 5 (unless you choose reduce only)."
            raise Refused(-4164, words) if self.futures else Refused(-1013, "Filter failure: NOTIONAL")
        takes = order.price >= ask if order.side == "BUY" else 0 < order.price <= bid
        if order.type == "LIMIT_MAKER" and takes:
            raise Refused(-2010, "Order would immediately match and take.")
        if order.tif == "GTX" and takes:
            words = "Due to the order could not be executed as maker, the Post Only order will be rejected."
            raise Refused(-5022, words)
        if order.type == "LIMIT" and "price" not in said:
            raise Refused(-1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed.")

    def _check_position_side(self, order: Order) -> None:
        if not self.futures:
            return
        if self.hedge != (order.position_side in ("LONG", "SHORT")):
            raise Refused(-4061, "Order's position side does not match user's setting.")
        if self.hedge and order.reduce_only:
            raise Refused(-1106, "Parameter 'reduceonly' sent when not required.")
        if order.reduce_only:
            held = self.positions.get((order.symbol, "BOTH"), D(0))
            if held == 0 or (held > 0) == (order.side == "BUY"):
                raise Refused(-2022, "ReduceOnly Order is rejected.")
            order.quantity = min(order.quantity, abs(held))

    def _check_funds(self, order: Order) -> None:
        price = order.price or self.prices[order.symbol][1]
        if self.futures:
            closing = order.reduce_only or (order.position_side, order.side) in (("LONG", "SELL"), ("SHORT", "BUY"))
            margin = order.quantity * price / self.leverage.get(order.symbol, 20)
            if not closing and margin > self.balances.get("USDT", D(0)):
                raise Refused(-2019, "Margin is insufficient.")
            return
        facts = SYMBOLS[order.symbol]
        spent = facts["quote"] if order.side == "BUY" else facts["base"]
        needed = order.quantity * price if order.side == "BUY" else order.quantity
        if needed > self.balances.get(spent, D(0)):
            raise Refused(-2010, "Account has insufficient balance for requested action.")

    def _match(self, order: Order, now: int) -> None:
        bid, ask = self.prices[order.symbol]
        price = ask if order.side == "BUY" else bid
        crosses = order.type == "MARKET" or (order.price >= ask if order.side == "BUY" else order.price <= bid)
        whole = order.tif != "FOK" or self.part == 1
        if crosses and whole and order.type != "LIMIT_MAKER":
            self.fill(order, (order.quantity * self.part).quantize(self.lot(order.symbol)), price, now)
        if order.open and order.tif in ("IOC", "FOK"):
            order.status = "EXPIRED"

    def fill(self, order: Order, quantity: Decimal, price: Decimal, now: int) -> Trade:
        facts = SYMBOLS[order.symbol]
        sign = 1 if order.side == "BUY" else -1
        if self.futures:
            fee, currency = quantity * price * FEE / 2, "USDT"
            key = (order.symbol, order.position_side)
            self.positions[key] = self.positions.get(key, D(0)) + sign * quantity
        else:
            fee, currency = (quantity * FEE, facts["base"]) if sign > 0 else (quantity * price * FEE, facts["quote"])
            self._move(facts["base"], sign * quantity)
            self._move(facts["quote"], -sign * quantity * price)
        self._move(currency, -fee)
        trade = Trade(next(self.numbers), order, quantity, price, fee, currency, now)
        self.trades.append(trade)
        order.filled += quantity
        order.value += quantity * price
        order.status = "FILLED" if order.filled >= order.quantity else "PARTIALLY_FILLED"
        return trade

    def _move(self, currency: str, amount: Decimal) -> None:
        self.balances[currency] = self.balances.get(currency, D(0)) + amount

    def trigger(self, order: Order, price: Decimal, now: int) -> None:
        """A stop's price was reached: on futures an order of its own does what it asked for."""
        if not order.algo:
            order.type = "MARKET"
            self.fill(order, order.quantity, price, now)
            return
        child = Order(
            number=next(self.numbers),
            client_id=f"autoalgo-{order.number}",
            symbol=order.symbol,
            side=order.side,
            type="MARKET",
            quantity=order.quantity,
            at=now,
            position_side=order.position_side,
            reduce_only=order.reduce_only,
        )
        self.orders.append(child)
        order.status, order.child = "FINISHED", child.number
        self.fill(child, child.quantity, price, now)

    def find(self, said: dict[str, str], *, algo: bool = False) -> Order:
        """The latest with that id, as Binance answers."""
        client_id = said.get("clientAlgoId") if algo else said.get("origClientOrderId")
        number = said.get("algoId") if algo else said.get("orderId")
        for order in reversed(self.orders):
            if order.algo == algo and (order.client_id == client_id if client_id else str(order.number) == number):
                if order.hidden > 0:
                    order.hidden -= 1
                    break
                return order
        raise Refused(-2013, "Order does not exist.")

    def cancel(self, said: dict[str, str], *, algo: bool = False) -> Order:
        try:
            order = self.find(said, algo=algo)
        except Refused:
            raise Refused(-2011, "Unknown order sent.") from None
        if not order.open:
            raise Refused(-2011, "Unknown order sent.")
        order.status = "CANCELED"
        return order
