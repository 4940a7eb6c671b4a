"""Alpaca behind our Protocol: US stocks, long positions with the account's cash, market `spot`."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.brokers import demands
from accounts.brokers.base import (
    Access,
    Balance,
    BrokerError,
    BrokerRejected,
    BrokerTemporary,
    BrokerUnknown,
    Capabilities,
    Cause,
    Instrument,
    Intended,
    KeyFacts,
    OrderReport,
    OrderRequest,
    Quote,
    Rejection,
    ReportStatus,
    TimeInForce,
    TradeReport,
    Transfer,
    VenuePosition,
)
from tradeops.core.money import EXACT, OrderType, Side

from . import history, orders
from .client import Client
from .errors import NotFound

INSTRUMENT_SECONDS = 3600
_KEPT_IDS = 5000
_SHARE = Decimal(1)
_FRACTION = Decimal("0.000000001")


class AlpacaBroker:
    capabilities = Capabilities(
        markets=frozenset({"spot"}),
        order_types=frozenset(OrderType),
        time_in_force=frozenset(TimeInForce),
        sandbox=True,
        quote_amount=True,
        attached_exits=True,
        trades=True,
        transfers=True,
        prices=True,
        # An id is refused for ever, even after its order was cancelled (alpaca-py, issue 260).
        reuses_ids=False,
        credentials=("api_key", "secret"),
        hosts=("api.alpaca.markets", "paper-api.alpaca.markets"),
    )

    def __init__(self, access: Access) -> None:
        self._access = access
        self._client = Client(access)
        self._instruments: dict[str, tuple[float, Instrument]] = {}
        self._ids: OrderedDict[str, tuple[str, str, Cause]] = OrderedDict()

    def instrument(self, symbol: str) -> Instrument:
        known = self._instruments.get(symbol)
        if known is not None and time.monotonic() - known[0] < INSTRUMENT_SECONDS:
            return known[1]
        try:
            asset = self._client.get(f"/assets/{symbol}", keys="instruments")
        except NotFound as error:
            raise BrokerRejected(
                f"Alpaca has no symbol {symbol}; check the strategy's symbol mapping",
                code=Rejection.UNKNOWN_INSTRUMENT,
                venue_code=error.venue_code,
            ) from None
        if not asset.get("tradable") or asset.get("status") != "active" or asset.get("class") != "us_equity":
            raise BrokerRejected(f"Alpaca does not trade {symbol} as a stock", code=Rejection.UNKNOWN_INSTRUMENT)
        found = _instrument(asset)
        self._instruments[symbol] = (time.monotonic(), found)
        return found

    def max_quantity(
        self, symbol: str, *, side: Side, price: Decimal, intended: Intended | None = None
    ) -> Decimal | None:
        if side is Side.SELL:
            return self._available(self.instrument(symbol).venue_symbol)
        if price <= 0:
            return None
        return EXACT.divide(self._cash().free, price)

    def _available(self, symbol: str) -> Decimal:
        """Shares that no other order holds."""
        try:
            said = self._client.get(f"/positions/{symbol}", keys="positions")
        except NotFound:
            return Decimal(0)
        held = Decimal(str(said.get("qty_available") or said["qty"]))
        return max(held, Decimal(0))

    def prepare(self, request: OrderRequest) -> None:
        self._check(request)

    def _check(self, request: OrderRequest) -> None:
        demands.check(request, self.capabilities, venue="Alpaca")
        needs_price = request.type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
        needs_stop = request.type in (OrderType.STOP, OrderType.STOP_LIMIT)
        if (needs_price and request.price is None) or (needs_stop and request.stop_price is None):
            raise BrokerRejected(f"a {request.type} order needs its prices", code=Rejection.UNSUPPORTED)
        if request.type is OrderType.TRAILING_STOP and not request.trailing:
            raise BrokerRejected("a trailing stop needs its distance", code=Rejection.UNSUPPORTED)
        if request.quote_amount is not None and (request.type is not OrderType.MARKET or request.attached):
            raise BrokerRejected(
                "an order by value is possible for plain market orders only", code=Rejection.UNSUPPORTED
            )  # fmt: skip

    def place(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        self._check(request)
        data = orders.payload(self._covered(request), self.instrument(request.symbol))
        try:
            found = self._client.order(data, keys=f"order:{request.symbol}", expires_at=request.send_expires_at)
        except BrokerRejected as error:
            if error.code != Rejection.DUPLICATE_ID:
                raise
            found = self._already_there(request, error)
        return self._told(found, patient=True)

    def _already_there(self, request: OrderRequest, error: BrokerRejected) -> dict[str, Any]:
        """The venue has this id: an earlier send of ours arrived after all."""
        try:
            found = self._find(request.client_order_id, request.symbol)
        except BrokerError:
            found = None
        if found is None:
            raise BrokerUnknown(str(error), venue_code=error.venue_code, raw=error.raw) from None
        return found

    def _covered(self, request: OrderRequest) -> OrderRequest:
        """A sale never opens a short position: it is of the shares that are there."""
        if request.side is not Side.SELL or request.quote_amount is not None:
            return request
        free = self._available(self.instrument(request.symbol).venue_symbol)
        if free <= 0:
            raise BrokerRejected(f"no free {request.symbol} to sell", code=Rejection.NOTHING_TO_REDUCE)
        return replace(request, quantity=min(request.quantity, free))

    def _told(self, order: Mapping[str, Any], *, patient: bool = False) -> OrderReport:
        """`patient`: fills that nobody tells of now are asked after again later."""
        fills: list[dict[str, Any]] = []
        if Decimal(str(order.get("filled_qty") or 0)) > 0:
            try:
                fills = history.fills_of(self._client, order)
            except BrokerError:
                if not patient:
                    raise
        self._learn(str(order["id"]), str(order["client_order_id"]), "", Cause.HAND)
        return orders.report(order, fills, raw=json.dumps(order, default=str))

    def preview(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        try:
            self._check(request)
            data = orders.payload(request, self.instrument(request.symbol))
        except BrokerRejected as error:
            return _preview(request, ReportStatus.REJECTED, str(error), error.code)
        size = f"{data['qty']} shares" if "qty" in data else f"for {data['notional']} USD"
        status = ReportStatus.FILLED if request.type is OrderType.MARKET else ReportStatus.OPEN
        price = f" at {data['limit_price']}" if "limit_price" in data else ""
        return _preview(request, status, f"would {request.side} {size}{price} ({request.type})")

    def fetch(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        found = self._find(client_order_id, symbol)
        return None if found is None else self._told(found)

    def _find(self, client_order_id: str, symbol: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._client.get(
                "/orders:by_client_order_id", {"client_order_id": client_order_id}, keys=f"fetch:{symbol}"
            )
        except NotFound:
            return None
        return found

    def cancel(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        found = self._find(client_order_id, symbol)
        if found is None:
            return None
        if not orders.is_final(found):
            self._cancel(found)
        return self.fetch(client_order_id, symbol=symbol, now=now)

    def _cancel(self, order: Mapping[str, Any]) -> bool:
        """False = it can no longer be cancelled. Raises BrokerUnknown: asking again is safe."""
        try:
            self._client.delete(f"/orders/{order['id']}", keys=f"cancel:{order['symbol']}")
        except NotFound:
            return False
        except BrokerRejected as error:
            if error.code in (Rejection.BAD_KEY, Rejection.NO_CREDENTIALS):
                raise
            return False
        return True

    def cancel_all(self, *, symbol: str = "") -> int:
        return sum(self._cancel(order) for order in self._open(symbol))

    def open_orders(self, *, symbol: str = "") -> tuple[OrderReport, ...]:
        return tuple(orders.report(order, ()) for order in self._open(symbol))

    def _open(self, symbol: str) -> list[dict[str, Any]]:
        asked = {"status": "open", "limit": 500, "nested": "false"} | ({"symbols": symbol} if symbol else {})
        return list(self._client.get("/orders", asked, keys="history:open"))

    def trades(self, *, since: datetime, symbol: str = "") -> tuple[TradeReport, ...]:
        found = history.fills(self._client, since=since)
        listed = [item for item in found if symbol in ("", item["symbol"])]
        self._name([str(item["order_id"]) for item in listed], since=since)
        return tuple(self._trade(item) for item in listed)

    def _trade(self, item: Mapping[str, Any]) -> TradeReport:
        order_id = str(item["order_id"])
        client_order_id, parent, cause = self._ids.get(order_id, ("", "", Cause.HAND))
        return TradeReport(
            fill=orders.fill(item),
            symbol=str(item["symbol"]),
            side=Side.BUY if str(item["side"]).startswith("buy") else Side.SELL,
            venue_order_id=order_id,
            client_order_id=client_order_id,
            parent_client_order_id=parent,
            cause=cause,
        )

    def _name(self, order_ids: list[str], *, since: datetime) -> None:
        """Learns the client ids of orders, and whose exits they are, from one list of nested orders."""
        if all(order_id in self._ids for order_id in order_ids):
            return
        for order in history.nested(self._client, after=since - timedelta(days=30)):
            self._learn(str(order["id"]), str(order["client_order_id"]), "", Cause.HAND)
            for leg in order.get("legs") or ():
                cause = Cause.TAKE_PROFIT if leg["type"] == "limit" else Cause.STOP_LOSS
                self._learn(str(leg["id"]), "", str(order["client_order_id"]), cause)

    def _learn(self, order_id: str, client_order_id: str, parent: str, cause: Cause) -> None:
        self._ids.setdefault(order_id, (client_order_id, parent, cause))
        while len(self._ids) > _KEPT_IDS:
            self._ids.popitem(last=False)

    def transfers(self, *, since: datetime) -> tuple[Transfer, ...]:
        return history.transfers(self._client, since=since)

    def positions(self) -> tuple[VenuePosition, ...]:
        """Shares are balances, as coins are: the account is of the spot market."""
        return ()

    def balances(self) -> dict[str, Balance]:
        """Cash and shares. Of cash, no more is free than the buying power without margin; short shares are negative."""
        found = {"USD": self._cash()}
        for item in self._client.get("/positions", keys="positions"):
            held = Decimal(str(item["qty"]))
            free = Decimal(str(item.get("qty_available") or item["qty"]))
            found[str(item["symbol"])] = Balance(total=held, free=max(free, Decimal(0)))
        return found

    def _cash(self) -> Balance:
        said = self._client.get("/account", keys="balance")
        cash = Decimal(str(said["cash"]))
        free = min(cash, Decimal(str(said.get("non_marginable_buying_power") or said["buying_power"])))
        return Balance(total=cash, free=max(free, Decimal(0)))

    def quote(self, symbol: str, *, now: datetime) -> Quote:
        path = f"/stocks/{symbol}"
        said = self._client.get(f"{path}/quotes/latest", {"feed": "iex"}, keys="ticker", market_data=True)
        best = said.get("quote") or {}
        bid, ask = Decimal(str(best.get("bp") or 0)), Decimal(str(best.get("ap") or 0))
        if bid <= 0 or ask <= 0:
            raise BrokerTemporary(f"Alpaca has no bid and ask for {symbol} now", code="price")
        said = self._client.get(f"{path}/trades/latest", {"feed": "iex"}, keys="ticker", market_data=True)
        last = Decimal(str((said.get("trade") or {}).get("p") or 0)) or (bid + ask) / 2
        # Without its `bs` and `as`: they are of IEX's book alone, a small part of what is there, and have been told in
        # round lots at one time and in shares at another.
        return Quote(symbol=symbol, bid=bid, ask=ask, last=last, at=orders.moment(best["t"]), source="alpaca")

    def key(self) -> KeyFacts:
        """Its keys cannot move money; whether one is bound to addresses is not told."""
        said = self._client.get("/account", keys="balance")
        blocked = [name for name in _BLOCKS if said.get(name)]
        active = said.get("status") == "ACTIVE"
        notes = tuple(f"the account has {name.replace('_', ' ')}" for name in blocked)
        return KeyFacts(
            read=True,
            trade=active and not blocked,
            withdraw=False,
            account=str(said.get("account_number") or ""),
            notes=notes if active else (*notes, f"the account is {said.get('status')}"),
        )


_BLOCKS = ("trading_blocked", "account_blocked", "trade_suspended_by_user")


def _instrument(asset: Mapping[str, Any]) -> Instrument:
    lot = _FRACTION if asset.get("fractionable") else _SHARE
    return Instrument(
        symbol=str(asset["symbol"]),
        base=str(asset["symbol"]),
        quote="USD",
        lot=lot,
        tick=orders.CENT,
        min_quantity=lot,
        min_notional=Decimal(1) if asset.get("fractionable") else Decimal(0),
        venue_symbol=str(asset["symbol"]),
    )


def _preview(request: OrderRequest, status: ReportStatus, message: str, code: str = "") -> OrderReport:
    return OrderReport(
        client_order_id=request.client_order_id, venue_order_id="", status=status, code=code, message=message
    )
