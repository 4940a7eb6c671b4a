"""A spot venue in memory with coins, cash and a price: orders trade or rest there, answers may be lost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

from accounts.brokers.base import (
    BrokerTemporary,
    BrokerUnknown,
    FillReport,
    Instrument,
    OrderReport,
    OrderRequest,
    ReportStatus,
)
from tests.fakes.scripted_broker import FullBroker
from tradeops.core.money import ZERO, OrderType, Side

D = Decimal
LOT, LEAST = D("0.001"), D("0.01")
LIVE = (ReportStatus.OPEN, ReportStatus.PARTIALLY_FILLED)


class Killed(BaseException):
    """The worker is no more: whoever catches this is not in it."""


@dataclass
class Market:
    price: Decimal
    fee: Decimal
    cash: Decimal = ZERO
    coins: Decimal = ZERO
    asked: dict[str, OrderRequest] = field(default_factory=dict)
    orders: dict[str, OrderReport] = field(default_factory=dict)
    thin: Decimal | None = None  # the next market order trades only this share at once, the rest later
    # What happens to the next order: "lost" (it arrives, its answer does not), "gone" (it does not arrive, and nobody
    # knows), "refused", "killed" (its worker, before it sends), "killed after" (and after).
    trouble: str = ""
    deaf: str = ""  # what happens to the next cancel: "lost", "gone"
    sent: int = 0

    def place(self, request: OrderRequest) -> OrderReport:
        assert request.client_order_id not in self.orders, "an order was sent twice"
        trouble, self.trouble = self.trouble, ""
        if trouble == "refused":
            raise BrokerTemporary("busy", retry_after=0.1)
        if trouble == "gone":
            raise BrokerUnknown("no answer in time")
        if trouble == "killed":
            raise Killed
        self.sent += 1
        self.asked[request.client_order_id] = request
        self.orders[request.client_order_id] = OrderReport(
            client_order_id=request.client_order_id,
            venue_order_id=f"v{self.sent}",
            status=ReportStatus.OPEN,
            filled=D(0),
        )
        if request.type is OrderType.MARKET:
            share, self.thin = self.thin or D(1), None
            part = request.quantity if request.closes else (request.quantity * share // LOT) * LOT
            self.fill(request.client_order_id, part)
        elif self.triggered(request):
            self.fill(request.client_order_id, request.quantity)
        if trouble == "lost":
            raise BrokerUnknown("the answer was lost")
        if trouble == "killed after":
            raise Killed
        return self.orders[request.client_order_id]

    def cancel(self, name: str) -> OrderReport | None:
        deaf, self.deaf = self.deaf, ""
        row = self.orders.get(name)
        if row is not None and row.status in LIVE and deaf != "gone":
            self.orders[name] = replace(row, status=ReportStatus.CANCELED)
        if deaf:
            raise BrokerUnknown("no answer to the cancel")
        return self.orders.get(name)

    def triggered(self, request: OrderRequest) -> bool:
        if request.type is OrderType.LIMIT and request.price is not None:
            return self.price >= request.price
        return request.type is OrderType.STOP and request.stop_price is not None and self.price <= request.stop_price

    def fill(self, name: str, quantity: Decimal) -> None:
        request, known = self.asked[name], self.orders[name]
        done = sum((one.quantity for one in known.fills), D(0))
        quantity = min(quantity, request.quantity - done)
        if request.side is Side.SELL:
            assert quantity <= self.coins, "more was sold than there was"
        if quantity > 0:
            worth = quantity * self.price
            trade = FillReport(
                trade_id=f"{name}-{len(known.fills)}",
                quantity=quantity,
                price=self.price,
                fee=worth * self.fee,
                fee_currency="USDT",
                at=datetime.now(UTC),
            )
            sign = 1 if request.side is Side.BUY else -1
            self.coins += sign * quantity
            self.cash -= sign * worth + trade.fee
            known = replace(known, fills=(*known.fills, trade))
        status = ReportStatus.FILLED if done + quantity == request.quantity else ReportStatus.PARTIALLY_FILLED
        self.orders[name] = replace(known, status=status, filled=done + quantity)

    def move(self, price: Decimal) -> None:
        self.price = price
        for name in self.resting():
            if self.triggered(self.asked[name]):
                self.fill(name, self.asked[name].quantity)

    def resting(self) -> list[str]:
        return [name for name, row in self.orders.items() if row.status in LIVE]

    def entries(self) -> list[str]:
        return [name for name in self.resting() if self.asked[name].side is Side.BUY]

    def trades(self) -> set[tuple[str, Decimal, Decimal, Decimal, str]]:
        """(side, quantity, price, fee, trade id)."""
        return {
            (self.asked[name].side.value, trade.quantity, trade.price, trade.fee, trade.trade_id)
            for name, row in self.orders.items()
            for trade in row.fills
        }

    def would_sell(self) -> Decimal:
        """What closes rest for, in all."""
        sells = [name for name in self.resting() if self.asked[name].side is Side.SELL]
        return sum((self.asked[name].quantity - (self.orders[name].filled or D(0)) for name in sells), D(0))


MARKET = Market(D(100), D(0))


class MarketBroker(FullBroker):
    def instrument(self, symbol: str) -> Instrument:
        base, _, quote = symbol.partition("/")
        return Instrument(symbol=symbol, base=base, quote=quote, lot=LOT, tick=D("0.01"), min_quantity=LEAST)

    def max_quantity(self, symbol, *, side, price, intended=None):
        return None

    def place(self, request, *, now):
        return MARKET.place(request)

    def fetch(self, client_order_id, *, symbol, now):
        return MARKET.orders.get(client_order_id)

    def cancel(self, client_order_id, *, symbol, now):
        return MARKET.cancel(client_order_id)

    def open_orders(self, *, symbol=""):
        return tuple(replace(MARKET.orders[name], fills=()) for name in MARKET.resting())
