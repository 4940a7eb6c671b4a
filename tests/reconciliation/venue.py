"""A venue at the seam that keeps its own books: orders, trades, positions and balances of one account.

What it trades by itself or by hand it tells as a venue would; what it forgets or hides, a test asks it to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from accounts.brokers.base import (
    Access,
    Balance,
    BrokerTemporary,
    Capabilities,
    Cause,
    FillReport,
    Instrument,
    Intended,
    OrderReport,
    OrderRequest,
    ReportStatus,
    TradeReport,
    VenuePosition,
)
from tradeops.core.money import OrderType, Side

LIVE = (ReportStatus.OPEN, ReportStatus.PARTIALLY_FILLED)


@dataclass
class Resting:
    """One order as the venue knows it."""

    report: OrderReport
    position_side: str = ""

    @property
    def left(self) -> Decimal:
        assert self.report.quantity is not None
        return self.report.quantity - sum((fill.quantity for fill in self.report.fills), Decimal(0))


@dataclass
class MemoryVenue:
    """`hedged`: long and short apart. `tells_ids`: trades bear our order ids. `hidden`: trades not listed yet."""

    spot: bool = False
    hedged: bool = False
    tells_ids: bool = True
    lists_trades: bool = True
    orders: dict[str, Resting] = field(default_factory=dict)
    trades: list[TradeReport] = field(default_factory=list)
    held: dict[tuple[str, str], Decimal] = field(default_factory=dict)  # signed; (currency, "") on spot
    hidden: set[str] = field(default_factory=set)
    down: Exception | None = None
    calls: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    meanwhile: Callable[[], None] | None = None
    number: int = 0

    def price(self) -> Decimal:
        return Decimal(50000)

    # What a venue does -----------------------------------------------------------------------------------------

    def place(
        self, client_order_id: str, symbol: str, side: Side, quantity: Decimal, *, position_side: str = ""
    ) -> str:
        """Takes an order, which rests; returns the venue's id."""
        self.number += 1
        self.orders[client_order_id] = Resting(
            OrderReport(
                client_order_id=client_order_id, venue_order_id=f"v{self.number}", status=ReportStatus.OPEN,
                symbol=symbol, side=side, quantity=quantity,
            ),
            position_side,
        )  # fmt: skip
        return f"v{self.number}"

    def fill(self, client_order_id: str, quantity: Decimal | None = None, *, at: datetime) -> TradeReport:
        """Trades an order, whole unless told how much."""
        order = self.orders[client_order_id]
        report = order.report
        assert report.side is not None
        quantity = order.left if quantity is None else quantity
        trade = self.trade(
            report.symbol, report.side, quantity, at=at, position_side=order.position_side,
            client_order_id=client_order_id, venue_order_id=report.venue_order_id,
        )  # fmt: skip
        full = order.left == quantity
        status = ReportStatus.FILLED if full else ReportStatus.PARTIALLY_FILLED
        order.report = replace(report, status=status, fills=(*report.fills, trade.fill))
        return trade

    def trade(
        self, symbol: str, side: Side, quantity: Decimal, *, at: datetime, position_side: str = "",
        cause: Cause = Cause.HAND, client_order_id: str = "", venue_order_id: str = "", parent: str = "",
        fee: Decimal = Decimal(0), fee_currency: str = "USDT", price: Decimal | None = None,
    ) -> TradeReport:  # fmt: skip
        """A trade of the account, whoever asked for it; by hand unless told otherwise."""
        self.number += 1
        fill = FillReport(
            trade_id=f"t{self.number}", quantity=quantity, price=price or self.price(), fee=fee,
            fee_currency=fee_currency, at=at,
        )  # fmt: skip
        trade = TradeReport(
            fill=fill, symbol=symbol, side=side, venue_order_id=venue_order_id or f"x{self.number}",
            client_order_id=client_order_id if self.tells_ids else "", parent_client_order_id=parent,
            position_side=position_side if self.hedged else "", cause=cause,
        )  # fmt: skip
        self.trades.append(trade)
        if cause != Cause.FUNDING:
            self.move(symbol, side, quantity, position_side=position_side, fee=fee, fee_currency=fee_currency)
        return trade

    def move(
        self, symbol: str, side: Side, quantity: Decimal, *, position_side: str = "", fee: Decimal = Decimal(0),
        fee_currency: str = "USDT",
    ) -> None:  # fmt: skip
        """Changes what is held, without a trade: a deposit, for one."""
        base = symbol.partition("/")[0]
        signed = quantity if side is Side.BUY else -quantity
        if self.spot and fee_currency == base:
            signed -= fee
        key = (base, "") if self.spot else (symbol, position_side if self.hedged else "")
        self.held[key] = self.held.get(key, Decimal(0)) + signed

    def net(self, symbol: str) -> Decimal:
        name = symbol.partition("/")[0] if self.spot else symbol
        return sum((held for (each, _), held in self.held.items() if each == name), Decimal(0))


VENUES: dict[str, MemoryVenue] = {}


class MemoryBroker:
    capabilities = Capabilities(
        markets=frozenset({"spot", "swap"}), order_types=frozenset({OrderType.MARKET, OrderType.LIMIT}),
        sandbox=True, hedge=True, positions=True, trades=True,
    )  # fmt: skip

    def __init__(self, access: Access) -> None:
        self._slug = access.slug

    @property
    def _venue(self) -> MemoryVenue:
        venue = VENUES[self._slug]
        if venue.down is not None:
            raise venue.down
        return venue

    def instrument(self, symbol: str) -> Instrument:
        base, _, rest = symbol.partition("/")
        return Instrument(
            symbol=symbol, base=base, quote=rest.partition(":")[0], lot=Decimal("0.001"), tick=Decimal("0.1"),
            min_quantity=Decimal("0.001"),
        )  # fmt: skip

    def max_quantity(
        self, symbol: str, *, side: Side, price: Decimal, intended: Intended | None = None
    ) -> Decimal | None:
        return None

    def prepare(self, request: OrderRequest) -> None:
        pass

    def place(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        venue = self._venue
        venue.place(
            request.client_order_id, request.symbol, request.side, request.quantity, position_side=request.position_side
        )
        return venue.orders[request.client_order_id].report

    def fetch(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        venue = self._venue
        venue.calls.append(f"fetch {client_order_id}")
        order = venue.orders.get(client_order_id)
        if order is None:
            return None
        shown = tuple(fill for fill in order.report.fills if fill.trade_id not in venue.hidden)
        return replace(order.report, fills=shown)

    def cancel(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        venue = self._venue
        order = venue.orders.get(client_order_id)
        if order is None:
            return None
        if order.report.status in LIVE:
            order.report = replace(order.report, status=ReportStatus.CANCELED)
            venue.cancelled.append(client_order_id)
        return order.report

    def open_orders(self, *, symbol: str = "") -> tuple[OrderReport, ...]:
        venue = self._venue
        venue.calls.append("open_orders")
        if venue.meanwhile is not None:
            venue.meanwhile()
        return tuple(each.report for each in venue.orders.values() if each.report.status in LIVE)

    def trades(self, *, since: datetime, symbol: str = "") -> tuple[TradeReport, ...]:
        venue = self._venue
        venue.calls.append("trades")
        shown = [each for each in venue.trades if each.fill.at >= since and each.fill.trade_id not in venue.hidden]
        return tuple(shown)

    def positions(self) -> tuple[VenuePosition, ...]:
        venue = self._venue
        if venue.spot:
            return ()
        return tuple(
            VenuePosition(symbol=symbol, side=side or ("long" if held > 0 else "short"), quantity=abs(held))
            for (symbol, side), held in venue.held.items()
            if held
        )

    def balances(self) -> dict[str, Balance]:
        venue = self._venue
        if not venue.spot:
            return {"USDT": Balance(total=Decimal(1000), free=Decimal(1000))}
        return {name: Balance(total=held, free=held) for (name, _), held in venue.held.items()}


def timeout() -> Exception:
    return BrokerTemporary("the venue did not answer within 10 s")
