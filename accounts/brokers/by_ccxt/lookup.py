"""Finding one order by our id: in one question where the exchange has it, else among its lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from . import ids, library, markets, reports
from .dialects import Dialect

LIST_LIMIT = 100


class Lookup:
    """`exchange` is ccxt's; every method makes requests in the caller's Call."""

    def __init__(self, exchange: Any, dialect: Dialect, *, follows_stops: bool) -> None:
        self._exchange = exchange
        self._dialect = dialect
        self._follows_stops = follows_stops

    def find(self, client_order_id: str, symbol: str) -> dict[str, Any] | None:
        """ccxt's order structure, with `trigger` in it where it rests among the triggered orders."""
        for ask in self._ways(client_order_id, symbol):
            found = ask()
            if found is not None and self._ours(found, client_order_id):
                return self._followed(found, client_order_id)
        return None

    def _ours(self, order: Mapping[str, Any], client_order_id: str) -> bool:
        return ids.from_venue(order.get("clientOrderId"), self._dialect.id_form) == client_order_id

    def _ways(self, client_order_id: str, symbol: str) -> Iterator[Callable[[], dict[str, Any] | None]]:
        venue_id = ids.to_venue(client_order_id, self._dialect.id_form)
        declared = ((self._exchange.features or {}).get(self._exchange.options["defaultType"]) or {}) or {}
        declared = declared.get("linear", declared) or {}
        triggers = self._follows_stops and bool((declared.get("fetchOrder") or {}).get("trigger"))
        if self._dialect.lookup:
            yield lambda: self._one(venue_id, symbol, {})
            if triggers and not self._dialect.search:
                yield lambda: self._one(venue_id, symbol, {"trigger": True})
            if not self._dialect.history:
                return
        for method in ("fetch_open_orders", "fetch_closed_orders", "fetch_canceled_orders", "fetch_orders"):
            if self._exchange.has.get(_CALLS[method]) is True:
                yield lambda method=method: self._listed(method, client_order_id, venue_id, symbol)  # type: ignore[misc]

    def _one(self, venue_id: str, symbol: str, more: dict[str, Any]) -> dict[str, Any] | None:
        try:
            found = self._exchange.fetch_order("", symbol, {self._dialect.lookup: venue_id, **more})
        except library.ccxt().OrderNotFound:
            return None
        if not found.get("id"):
            raise library.ccxt().BadResponse("an order without an id")
        return {**found, "trigger": True} if more else dict(found)

    def _listed(self, method: str, client_order_id: str, venue_id: str, symbol: str) -> dict[str, Any] | None:
        params = {self._dialect.search: venue_id} if self._dialect.search else {}
        listed = getattr(self._exchange, method)(symbol, None, None if params else LIST_LIMIT, params)
        return next((dict(order) for order in listed if self._ours(order, client_order_id)), None)

    def _followed(self, order: dict[str, Any], client_order_id: str) -> dict[str, Any]:
        """A stop that has fired lives on as another order, which has the fills; it keeps our id."""
        info = order.get("info") or {}
        child = info.get("actualOrderId")
        if not order.get("trigger") or not child or str(child) == "0":
            return order
        found = dict(self._exchange.fetch_order(str(child), order["symbol"]))
        return {**found, "clientOrderId": order.get("clientOrderId")}

    def trades_of(self, order: Mapping[str, Any], symbol: str) -> list[dict[str, Any]]:
        """All trades of one order. What came with it is enough if it is all of it."""
        own = list(order.get("trades") or ())
        total = markets.amount(order.get("filled"))
        if total == 0 and order.get("filled") is not None and not own:
            return []
        if own and sum((markets.amount(trade.get("amount")) for trade in own), markets.amount(0)) == total:
            return own
        venue_order_id = str(order.get("id") or "")
        if self._dialect.trades_by and venue_order_id:
            by_order = {self._dialect.trades_by: venue_order_id}
            return list(self._exchange.fetch_my_trades(symbol, None, None, by_order))
        if self._exchange.has.get("fetchOrderTrades") is True and venue_order_id:
            return list(self._exchange.fetch_order_trades(venue_order_id, symbol))
        if self._exchange.has.get("fetchMyTrades") is True:
            since = order.get("timestamp")
            listed = self._exchange.fetch_my_trades(symbol, since, LIST_LIMIT)
            return [trade for trade in listed if str(trade.get("order")) == venue_order_id]
        return own or reports.whole(order)


_CALLS = {
    "fetch_open_orders": "fetchOpenOrders",
    "fetch_closed_orders": "fetchClosedOrders",
    "fetch_canceled_orders": "fetchCanceledOrders",
    "fetch_orders": "fetchOrders",
}
