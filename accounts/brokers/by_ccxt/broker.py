"""Any ccxt exchange behind our Protocol. One instance is one account; `broker_class` makes a class per exchange."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from accounts.brokers import demands
from accounts.brokers.base import (
    Access,
    Balance,
    BrokerError,
    BrokerRejected,
    BrokerTemporary,
    BrokerUnknown,
    Capabilities,
    Instrument,
    Intended,
    KeyFacts,
    OrderReport,
    OrderRequest,
    Quote,
    Rejection,
    ReportStatus,
    TradeReport,
    Transfer,
    VenuePosition,
)
from accounts.brokers.candles import Candle
from tradeops.core import clock, money
from tradeops.core.money import EXACT, OrderType, Side

from . import declared, history, keys, library, markets, prices, reports, transfers, translate
from .connect import every_symbol
from .leverage import Leverage
from .lookup import Lookup
from .reports import Units
from .venue import Venue
from .wire import Call

# How long a free balance may be used again for the size of the next order.
_FREE_SECONDS = 2.0


def create(exchange: Any, symbol: str, placement: translate.Placement) -> dict[str, Any]:
    """Hands a placement to ccxt; an answer that names no order tells nothing (ccxt's BadResponse)."""
    params = dict(placement.params)
    if placement.cost is not None:
        # As text: ccxt takes a Decimal among its parameters for nothing, and would buy that many coins.
        found = exchange.create_market_buy_order_with_cost(symbol, money.plain(placement.cost), params)
    else:
        found = exchange.create_order(
            symbol, placement.kind, placement.side, placement.amount, placement.price, params
        )  # fmt: skip
    if not found.get("id"):
        raise library.ccxt().BadResponse("an answer without an order")
    return dict(found)


class CcxtBroker:
    capabilities: ClassVar[Capabilities]
    rate_limit_ms: ClassVar[float]  # between two requests of weight 1, as the exchange declares it

    def __init__(self, access: Access) -> None:
        self._access = access
        self._venue = Venue(access)
        self._leverage = Leverage(self._venue)
        self._ids = history.Ids()
        self._symbols: set[str] = set()  # those that this account was seen to trade
        self._free: dict[str, tuple[float, Decimal]] = {}
        stops = access.market in self._venue.dialect.stops
        self._lookup = Lookup(self._venue.exchange, self._venue.dialect, follows_stops=stops)

    def instrument(self, symbol: str) -> Instrument:
        return self._venue.instrument(symbol)

    def max_quantity(
        self, symbol: str, *, side: Side, price: Decimal, intended: Intended | None = None
    ) -> Decimal | None:
        if self._access.market != "spot":
            return None
        instrument = self.instrument(symbol)
        wanted = Decimal(0) if intended is None else intended.quantity
        if side is Side.SELL:
            return self._free_of(instrument.base, wanted)
        return None if price <= 0 else EXACT.divide(self._free_of(instrument.quote, wanted * price), price)

    def _free_of(self, currency: str, wanted: Decimal = Decimal(0)) -> Decimal:
        """What is kept may be from before a sale: that it is less than `wanted` is asked anew."""
        known = self._free.get(currency)
        if known is not None and known[1] >= wanted and time.monotonic() - known[0] < _FREE_SECONDS:
            return known[1]
        found = self.balances().get(currency)
        free = Decimal(0) if found is None else found.free
        self._free[currency] = (time.monotonic(), free)
        return free

    def prepare(self, request: OrderRequest) -> None:
        self._check(request)
        if self._access.market != "spot":
            hedged = self._leverage.hedged(request.symbol)
            if hedged and not declared.hedge(self._venue.name, self._access.market, self._venue.dialect):
                raise BrokerRejected(
                    f"the account is in hedge mode, which is not possible with {self._venue.name} here: "
                    "set it to one-way at the venue",
                    code=Rejection.POSITION_MODE,
                )
            self._leverage.apply(request)

    def place(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        placement = self._placement(self._covered(request))
        units = self._venue.units(request.symbol)  # now: once the order is sent, a fault of this read would unsay it
        call = Call(
            (f"order:{request.symbol}",),
            must_carry=placement.venue_id,
            expires_at=request.send_expires_at,
            expiry=self._venue.dialect.expiry,
        )
        self._free.clear()
        try:
            found, call = self._venue.send(lambda: create(self._venue.exchange, request.symbol, placement), call)
        except BrokerRejected as error:
            if error.code == Rejection.POSITION_MODE:
                self._leverage.forget()
            if error.code == Rejection.DUPLICATE_ID:
                return self._already_there(request, error, now=now)
            raise
        self._symbols.add(request.symbol)
        raw = self._venue.raw(call)
        # Some answers hold nothing but the venue's id.
        if found.get("status") is None and request.type is OrderType.MARKET:
            found = self._seen(request) or found
        found = {**found, "clientOrderId": placement.venue_id, "symbol": request.symbol}
        found["status"] = found.get("status") or "open"
        return self._told(found, request.symbol, units, now=now, raw=raw, patient=True)

    def _already_there(self, request: OrderRequest, error: BrokerRejected, *, now: datetime) -> OrderReport:
        """The venue has this id: an earlier send of ours arrived after all."""
        try:
            found = self.fetch(request.client_order_id, symbol=request.symbol, now=now)
        except BrokerError:
            found = None
        if found is None:
            raise BrokerUnknown(str(error), venue_code=error.venue_code, raw=error.raw) from None
        return found

    def _seen(self, request: OrderRequest) -> dict[str, Any] | None:
        """The order as the venue knows it; None where it cannot tell right now."""
        client_order_id, symbol = request.client_order_id, request.symbol
        try:
            return self._venue.read(lambda: self._lookup.find(client_order_id, symbol), f"fetch:{symbol}")
        except BrokerError:
            return None

    def _told(
        self, found: dict[str, Any], symbol: str, units: Units, *, now: datetime, raw: str = "", patient: bool = False
    ) -> OrderReport:
        """The report of an order, with its trades. `patient`: they are asked after again if nobody tells them now."""
        try:
            trades = self._venue.read(lambda: self._lookup.trades_of(found, symbol), "history:fills")
        except BrokerError:
            if not patient:
                raise
            trades = []
        report = reports.order(found, trades, units, now=now, raw=raw)
        self._ids.learn(report.venue_order_id, report.client_order_id)
        return report

    def _check(self, request: OrderRequest) -> None:
        demands.check(request, self.capabilities, venue=self._venue.name)
        dialect = self._venue.dialect
        translate.check(request, exchange=self._venue.name, market=self._access.market, dialect=dialect)
        if self.capabilities.credentials and not self._access.credentials:
            raise BrokerRejected("this account has no API key: enter one", code=Rejection.NO_CREDENTIALS)

    def _placement(self, request: OrderRequest) -> translate.Placement:
        self._check(request)
        setting = translate.Setting(
            exchange=self._venue.name,
            market=self._access.market,
            dialect=self._venue.dialect,
            instrument=self.instrument(request.symbol),
            hedged=self._access.market != "spot" and self._leverage.hedged(request.symbol),
            margin_mode=self._access.margin_mode,
        )
        return translate.placement(request, setting)

    def _covered(self, request: OrderRequest) -> OrderRequest:
        """Closing on spot sells no more than is there: fees taken in the base currency are missing from it."""
        if self._access.market != "spot" or not request.closes or request.side is not Side.SELL:
            return request
        instrument = self.instrument(request.symbol)
        free = money.floor_to(self._free_of(instrument.base, request.quantity), instrument.lot)
        if free >= request.quantity:
            return request
        if free <= 0 or free < instrument.min_quantity:
            raise BrokerRejected(
                f"{money.plain(free)} {instrument.base} is free, less than can be sold",
                code=Rejection.NOTHING_TO_REDUCE,
            )
        return replace(request, quantity=free)

    def preview(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        try:
            placement = self._placement(request)
        except BrokerRejected as error:
            return self._preview(request, ReportStatus.REJECTED, str(error), code=error.code)
        size = f"{money.plain(placement.amount)} {'contracts' if self._access.market != 'spot' else ''}".strip()
        if placement.cost is not None:
            size = f"for {money.plain(placement.cost)}"
        status = ReportStatus.FILLED if request.type is OrderType.MARKET else ReportStatus.OPEN
        price = f" at {money.plain(placement.price)}" if placement.price is not None else ""
        return self._preview(request, status, f"would {placement.side} {size}{price} ({placement.kind})")

    def _preview(self, request: OrderRequest, status: ReportStatus, message: str, code: str = "") -> OrderReport:
        return OrderReport(
            client_order_id=request.client_order_id, venue_order_id="", status=status, code=code, message=message
        )

    def fetch(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        units = self._venue.units(symbol)
        found, call = self._venue.ask(lambda: self._lookup.find(client_order_id, symbol), f"fetch:{symbol}")
        if found is None:
            return None
        return self._told(found, symbol, units, now=now, raw=self._venue.raw(call))

    def cancel(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        self._venue.units(symbol)  # raises where it has no such symbol
        found = self._venue.read(lambda: self._lookup.find(client_order_id, symbol), f"fetch:{symbol}")
        if found is None:
            return None
        if found.get("status") in ("open", "canceling", None):
            self._cancel(found)
        return self.fetch(client_order_id, symbol=symbol, now=now)

    def _cancel(self, found: dict[str, Any]) -> bool:
        """False = it was no longer there to be cancelled. Raises BrokerUnknown: asking again is safe."""
        params = {"trigger": True} if found.get("trigger") else {}
        symbol = found["symbol"]
        try:
            self._venue.read(
                lambda: self._venue.exchange.cancel_order(found["id"], symbol, params), f"cancel:{symbol}"
            )  # fmt: skip
        except BrokerRejected as error:
            if error.code in (Rejection.BAD_KEY, Rejection.NO_PERMISSION, Rejection.CLOCK, Rejection.ADDRESS_REFUSED):
                raise
            return False  # filled or cancelled meanwhile; what it is now is asked next
        return True

    def cancel_all(self, *, symbol: str = "") -> int:
        return sum(self._cancel(order) for order in self._open(symbol))

    def open_orders(self, *, symbol: str = "") -> tuple[OrderReport, ...]:
        now = clock.now()
        found = []
        for order in self._open(symbol):
            report = reports.order(order, order.get("trades") or (), self._venue.units(order["symbol"]), now=now)
            self._ids.learn(report.venue_order_id, report.client_order_id)
            found.append(report)
        return tuple(found)

    def _open(self, symbol: str) -> list[dict[str, Any]]:
        self._venue.load()
        features = declared.calls(self._venue.name, self._access.market, "fetchOpenOrders")
        symbols = [symbol] if symbol or not features.get("symbolRequired") else sorted(self._traded())
        kinds: list[dict[str, Any]] = [{}]
        if features.get("trigger") and self._access.market in self._venue.dialect.stops:
            kinds.append({"trigger": True})
        found: dict[str, dict[str, Any]] = {}
        for name in symbols:
            for kind in kinds:
                for order in self._open_of(name, kind):
                    found.setdefault(str(order.get("id")), {**order, **kind})
        return [order for order in found.values() if self._venue.lists(order.get("symbol"))]

    def _open_of(self, symbol: str, kind: dict[str, Any]) -> list[dict[str, Any]]:
        keys = (f"history:{'triggers' if kind else 'open'}",)
        ask = self._venue.exchange.fetch_open_orders
        params = kind if symbol else {**kind, **every_symbol(self._access, self._venue.dialect)}
        return list(self._venue.read(lambda: ask(symbol or None, None, None, dict(params)), *keys))

    def trades(self, *, since: datetime, symbol: str = "") -> tuple[TradeReport, ...]:
        self._venue.load()
        features = declared.listing(self._venue.name, self._access.market)
        symbols = [symbol] if symbol or not features.get("symbolRequired") else sorted(self._traded())
        return history.trades(self._venue, self._ids, since=since, symbols=symbols)

    def _traded(self) -> set[str]:
        """Every symbol that the account may have traded: some exchanges list orders and trades by symbol only."""
        found = set(self._symbols)
        if self._access.market == "spot":
            found |= {f"{currency}/{self._access.currency}" for currency in self.balances()}
        else:
            found |= {position.symbol for position in self.positions()}
        self._symbols |= set(filter(self._venue.lists, found))
        return set(self._symbols)

    def transfers(self, *, since: datetime) -> tuple[Transfer, ...]:
        return transfers.read(self._venue, since=since)

    def positions(self) -> tuple[VenuePosition, ...]:
        if self._access.market == "spot" or not self.capabilities.positions:
            return ()
        self._venue.load()
        listed = self._venue.read(self._venue.exchange.fetch_positions, "positions")
        found = [reports.position(item) for item in listed if self._venue.lists(item.get("symbol"))]
        return tuple(position for position in found if position is not None)

    def balances(self) -> dict[str, Balance]:
        self._venue.load()
        said = self._venue.read(self._venue.exchange.fetch_balance, "balance")
        found = {}
        for currency, total in (said.get("total") or {}).items():
            amount = markets.amount(total)
            if amount != 0:
                found[currency] = Balance(total=amount, free=markets.amount((said.get("free") or {}).get(currency)))
        return found

    def quote(self, symbol: str, *, now: datetime) -> Quote:
        self.instrument(symbol)
        found = prices.quote(self._venue, symbol, now=now)
        if found is None:
            raise BrokerTemporary(f"{self._venue.name} has no bid and ask for {symbol}", code="price")
        return found

    def candles(self, symbol: str, *, timeframe: str, count: int, now: datetime) -> tuple[Candle, ...]:
        self.instrument(symbol)
        return prices.candles(self._venue, symbol, timeframe=timeframe, count=count, now=now)

    def key(self) -> KeyFacts:
        if self.capabilities.credentials and not self._access.credentials:
            raise BrokerRejected("this account has no API key: enter one", code=Rejection.NO_CREDENTIALS)
        self._venue.load()
        return keys.facts(self._venue, position_mode=self._leverage.mode())
