"""All trades of an account since a moment, in windows that the exchange can answer whole."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from accounts.brokers.base import BrokerError, BrokerRejected, Cause, Rejection, TradeReport
from tradeops.core import clock

from . import declared, ids, reports
from .connect import every_symbol
from .venue import Venue

LIMIT = 100  # trades in one answer, where the exchange does not say
_DAY = 24 * 3600 * 1000
_SHORTEST = 1000  # ms: a fuller second than this cannot be split
_KEPT_IDS = 5000
_ID_QUESTIONS = 50  # orders asked after in one listing, to learn their client ids
_ID_NAMES = ("clientOrderId", "orderLinkId", "clOrdId", "clientOid", "text", "client_order_id", "newClientOrderId")


class Ids:
    """Which client order id a venue's order has, as far as it was seen."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, str] = OrderedDict()

    def learn(self, venue_order_id: str, client_order_id: str) -> None:
        if venue_order_id:
            self._known[venue_order_id] = client_order_id
            while len(self._known) > _KEPT_IDS:
                self._known.popitem(last=False)

    def get(self, venue_order_id: str) -> str | None:
        return self._known.get(venue_order_id)


def trades(venue: Venue, known: Ids, *, since: datetime, symbols: Iterable[str]) -> tuple[TradeReport, ...]:
    """`symbols` one empty text = all at once. Oldest first, each once."""
    now, symbols = clock.now(), list(symbols)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for symbol in symbols:
        for item in _listed(venue, symbol, since=_ms(since), until=_ms(now) + 1):
            # Bybit lists funding among the trades, with the position's size for a quantity.
            if reports.cause(item) is Cause.FUNDING or not item.get("side") or not venue.lists(item.get("symbol")):
                continue
            if (item.get("timestamp") or 0) >= _ms(since):
                found[item["symbol"], reports.trade_id(item)] = item
    paid = _funding(venue, since=since, symbols=symbols) if venue.access.market == "swap" else []
    ordered = sorted(found.values(), key=lambda item: (item.get("timestamp") or 0, reports.trade_id(item)))
    asked = 0
    result = []
    for item in ordered:
        client_order_id, questions = _client_id(venue, known, item, may_ask=asked < _ID_QUESTIONS)
        asked += questions
        units = venue.units(item["symbol"])
        result.append(reports.trade(item, units, client_order_id=client_order_id, now=now))
    return tuple(sorted([*result, *paid], key=lambda report: (report.fill.at, report.fill.trade_id)))


def _funding(venue: Venue, *, since: datetime, symbols: Iterable[str]) -> list[TradeReport]:
    """Funding as trades of nothing, whose fee is what was paid; ccxt's amount is what was received."""
    if venue.exchange.has.get("fetchFundingHistory") is not True:
        return []
    found = []
    params = every_symbol(venue.access, venue.dialect)
    for symbol in symbols:
        ask = venue.exchange.fetch_funding_history
        try:
            page = venue.read(lambda: ask(symbol or None, _ms(since), None, dict(params)), "history:funding")  # noqa: B023
        except BrokerRejected as error:
            if error.code != Rejection.UNSUPPORTED:
                raise
            return []
        found += [
            reports.funding(item, paid=venue.dialect.funding_paid)
            for item in page
            if (item.get("timestamp") or 0) >= _ms(since)
        ]
    return found


def _listed(venue: Venue, symbol: str, *, since: int, until: int) -> list[dict[str, Any]]:
    """Window by window, as long as the exchange allows; a window whose answer is full is split."""
    features = declared.listing(venue.name, venue.access.market)
    limit = int(features.get("limit") or LIMIT)
    days = features.get("untilDays")
    longest = int(days) * _DAY if days and int(days) < 1000 else until - since
    found: list[dict[str, Any]] = []
    while since < until:
        end = min(since + max(longest, 1), until)
        found += _window(venue, symbol, since=since, until=end, limit=limit)
        since = end
    return found


def _window(venue: Venue, symbol: str, *, since: int, until: int, limit: int) -> list[dict[str, Any]]:
    params = {"until": until} | ({} if symbol else every_symbol(venue.access, venue.dialect))
    page = venue.read(
        lambda: venue.exchange.fetch_my_trades(symbol or None, since, limit, dict(params)), "history:fills"
    )
    if len(page) < limit or until - since <= _SHORTEST:
        return list(page)
    middle = (since + until) // 2
    return [
        *_window(venue, symbol, since=since, until=middle, limit=limit),
        *_window(venue, symbol, since=middle, until=until, limit=limit),
    ]


def _client_id(venue: Venue, known: Ids, item: dict[str, Any], *, may_ask: bool) -> tuple[str, int]:
    """The id that the trade's order was placed with, and how many questions it took; empty where nobody tells."""
    info = item.get("info") or {}
    said = item.get("clientOrderId") or next((info[name] for name in _ID_NAMES if info.get(name)), "")
    if said:
        return ids.from_venue(str(said), venue.dialect.id_form), 0
    order_id = str(item.get("order") or "")
    found = known.get(order_id)
    if found is not None or not order_id or not may_ask:
        return found or "", 0
    try:
        order = venue.read(lambda: venue.exchange.fetch_order(order_id, item["symbol"]), f"fetch:{item['symbol']}")
    except BrokerError:
        return "", 1
    client_order_id = ids.from_venue(order.get("clientOrderId"), venue.dialect.id_form)
    known.learn(order_id, client_order_id)
    return client_order_id, 1


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
