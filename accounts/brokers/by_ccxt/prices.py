"""The best bid and ask of a symbol, and its candles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.brokers.base import BrokerRejected, Quote, Rejection
from accounts.brokers.candles import Candle, range_volatility

from . import markets
from .venue import Venue


def quote(venue: Venue, symbol: str, *, now: datetime) -> Quote | None:
    """None where the book is empty on one side."""
    exchange = venue.exchange
    ticker: dict[str, Any] = dict(venue.read(lambda: exchange.fetch_ticker(symbol), "ticker"))
    bid, ask = _best(ticker, "bid"), _best(ticker, "ask")
    if not bid[0] or not ask[0] or venue.dialect.order_book:
        book = venue.read(lambda: exchange.fetch_order_book(symbol, 5), "ticker")
        bid, ask = _first(book.get("bids")), _first(book.get("asks"))
    if not bid[0] or not ask[0]:
        return None
    contract = venue.instrument(symbol).contract
    low, high = markets.amount(bid[0]), markets.amount(ask[0])
    last = markets.amount(ticker.get("last"))
    return Quote(
        symbol=symbol,
        bid=low,
        ask=high,
        last=last if last > 0 else (low + high) / 2,
        # A book is as fresh as its answer; a ticker's time may be that of the last trade.
        at=now,
        source=venue.name,
        # In contracts, but on spot in coins; many tickers have none.
        bid_size=markets.amount(bid[1]) * contract or None,
        ask_size=markets.amount(ask[1]) * contract or None,
        volume=markets.amount(ticker.get("baseVolume")) or None,
        volatility=range_volatility(markets.amount(ticker.get("high")), markets.amount(ticker.get("low"))),
    )


def _best(ticker: dict[str, Any], side: str) -> tuple[Any, Any]:
    """(price, size) at one side, each None where it is not told."""
    return ticker.get(side), ticker.get(f"{side}Volume")


def _first(levels: list[list[Any]] | None) -> tuple[Any, Any]:
    return (levels[0][0], levels[0][1]) if levels else (None, None)


def candles(venue: Venue, symbol: str, *, timeframe: str, count: int, now: datetime) -> tuple[Candle, ...]:
    """As many as the venue gives at once, at most `count` and the running one."""
    exchange = venue.exchange
    if not exchange.has.get("fetchOHLCV") or timeframe not in (exchange.timeframes or {}):
        raise BrokerRejected(f"{venue.name} has no {timeframe} candles", code=Rejection.UNSUPPORTED)
    since = now - timedelta(seconds=exchange.parse_timeframe(timeframe) * (count + 1))
    rows: list[list[Any]] = venue.read(
        lambda: exchange.fetch_ohlcv(symbol, timeframe, since=int(since.timestamp() * 1000), limit=count + 1), "ticker"
    )
    return tuple(_candle(row) for row in sorted(rows, key=lambda row: int(row[0])))


def _candle(row: list[Any]) -> Candle:
    opened, high, low, close, volume = (markets.amount(value) for value in row[1:6])
    at = datetime.fromtimestamp(int(row[0]) / 1000, UTC)
    return Candle(at=at, open=opened, high=high, low=low, close=close, volume=volume)
