"""The OKX account as the seam wants it; each method is one call into the module that knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from accounts.brokers import demands
from accounts.brokers.base import (
    Access,
    Balance,
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
    ReportStatus,
    TimeInForce,
    TradeReport,
    Transfer,
    VenuePosition,
)
from accounts.brokers.candles import Candle, range_volatility
from tradeops.core.money import OrderType, Side

from . import bills, candles, orders, placing, reports
from .account import AccountAtVenue
from .client import Client
from .instruments import Instruments, Traded, amount
from .lookup import Lookup
from .margin import Margin
from .open_orders import OpenOrders
from .placing import Placing
from .trades import Trades

Given = ParamSpec("Given")
Found = TypeVar("Found")
_UNREADABLE = (KeyError, TypeError, ValueError, ArithmeticError)


def _understood(
    method: Callable[Concatenate[OkxBroker, Given], Found],
) -> Callable[Concatenate[OkxBroker, Given], Found]:
    """An answer that is not as documented is nobody's crash: it is asked for again."""

    @wraps(method)
    def asked(self: OkxBroker, /, *args: Given.args, **kwargs: Given.kwargs) -> Found:
        try:
            return method(self, *args, **kwargs)
        except _UNREADABLE as error:
            raise BrokerTemporary(f"OKX answered something unexpected ({type(error).__name__})") from error

    return asked


class OkxBroker:
    """OKX spot, swaps and futures settled in the quote currency; one-way and hedge accounts."""

    capabilities = Capabilities(
        markets=frozenset({"spot", "swap", "futures"}),
        order_types=frozenset(OrderType),
        time_in_force=frozenset(TimeInForce),
        margin_modes=frozenset({"cross", "isolated"}),
        sandbox=True,
        hedge=True,
        post_only=True,
        leverage=True,
        quote_amount=True,
        attached_exits=True,
        positions=True,
        trades=True,
        transfers=True,
        prices=True,
        send_expiry=True,
        reuses_ids=True,  # «clOrdId must be unique among all pending orders»: expiry is what keeps one from doubling
        credentials=("api_key", "secret", "passphrase"),
        hosts=("www.okx.com", "www.okx.com"),
    )

    def __init__(self, access: Access) -> None:
        self._access = access
        self._client = Client(access, expires=self.capabilities.send_expiry)
        self._instruments = Instruments(self._client)
        self._account = AccountAtVenue(self._client, access, self._instruments)
        self._margin = Margin(self._client, access, self._account)
        self._lookup = Lookup(self._client)
        self._placing = Placing(
            self._client,
            access,
            instruments=self._instruments,
            account=self._account,
            margin=self._margin,
            lookup=self._lookup,
        )
        self._open = OpenOrders(self._client, access, self._instruments, self._lookup)
        self._trades = Trades(self._client, access, self._instruments, self._lookup)

    @_understood
    def instrument(self, symbol: str) -> Instrument:
        return self._instruments.get(symbol).instrument

    @_understood
    def max_quantity(
        self, symbol: str, *, side: Side, price: Decimal, intended: Intended | None = None
    ) -> Decimal | None:
        return self._margin.room(self._instruments.get(symbol), side=side, price=price, intended=intended)

    @_understood
    def prepare(self, request: OrderRequest) -> None:
        self._check(request)
        traded = self._instruments.get(request.symbol)
        self._account.check_market(traded)
        leverage = request.leverage or self._access.leverage
        if leverage is not None and not request.closes and not traded.spot:
            margin_mode = request.margin_mode or self._access.margin_mode
            self._margin.set_leverage(traded, leverage, margin_mode=margin_mode, position_side=request.position_side)

    def place(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        traded, wire = self._wire(request)
        try:
            report = self._placing.send(request, traded, wire)
        except _UNREADABLE as error:
            text = f"OKX's answer is unreadable ({type(error).__name__}); whether it was accepted is being asked"
            raise BrokerUnknown(text) from error
        if wire.rests:
            return report
        try:
            return self._lookup.after_sending(report, traded)
        except _UNREADABLE:
            return report

    @_understood
    def _wire(self, request: OrderRequest) -> tuple[Traded, orders.Wire]:
        self._check(request)
        return self._placing.wire(request)

    def _check(self, request: OrderRequest) -> None:
        """Before any network call: what is not declared, then what OKX has no words for."""
        demands.check(request, self.capabilities, venue="OKX")
        orders.check(request)

    @_understood
    def preview(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        try:
            self._check(request)
            return self._placing.preview(request, quote=self.quote(request.symbol, now=now))
        except BrokerRejected as error:
            return placing.previewed(request, ReportStatus.REJECTED, code=error.code, message=str(error))

    @_understood
    def fetch(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        return self._ours(self._lookup.find(client_order_id, self._instruments.get(symbol)), client_order_id)

    @_understood
    def cancel(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        return self._ours(self._open.cancel(client_order_id, self._instruments.get(symbol)), client_order_id)

    def _ours(self, found: OrderReport | None, client_order_id: str) -> OrderReport | None:
        return None if found is None else replace(found, client_order_id=client_order_id)

    @_understood
    def cancel_all(self, *, symbol: str = "") -> int:
        return self._open.cancel_all(symbol)

    @_understood
    def open_orders(self, *, symbol: str = "") -> tuple[OrderReport, ...]:
        return self._open.listed(symbol)

    @_understood
    def trades(self, *, since: datetime, symbol: str = "") -> tuple[TradeReport, ...]:
        return self._trades.since(since, symbol)

    @_understood
    def transfers(self, *, since: datetime) -> tuple[Transfer, ...]:
        return bills.transfers(self._client, since=since)

    @_understood
    def positions(self) -> tuple[VenuePosition, ...]:
        return self._account.positions()

    @_understood
    def balances(self) -> dict[str, Balance]:
        return self._account.balances()

    @_understood
    def quote(self, symbol: str, *, now: datetime) -> Quote:
        traded = self._instruments.get(symbol)
        row = self._client.public("/market/ticker", {"instId": traded.inst_id}, "ticker").first()
        volume = row.get("vol24h") if traded.spot else row.get("volCcy24h")
        return Quote(
            symbol=symbol,
            bid=amount(row["bidPx"]),
            ask=amount(row["askPx"]),
            last=amount(row["last"]),
            at=reports.moment(row["ts"]),
            source="okx",
            # In contracts, but on spot in coins.
            bid_size=traded.base(row.get("bidSz")) or None,
            ask_size=traded.base(row.get("askSz")) or None,
            volume=amount(volume),
            volatility=range_volatility(amount(row.get("high24h")), amount(row.get("low24h"))),
        )

    @_understood
    def candles(self, symbol: str, *, timeframe: str, count: int, now: datetime) -> tuple[Candle, ...]:
        traded = self._instruments.get(symbol)
        return candles.read(self._client, traded, symbol=symbol, timeframe=timeframe, count=count)

    @_understood
    def key(self) -> KeyFacts:
        return self._account.key()
