"""Candles (docs-v5, «Get candlesticks» and «Get candlesticks history»): newest first, 300 at a time."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.brokers.base import BrokerRejected, Rejection
from accounts.brokers.candles import Candle

from . import reports
from .client import Client
from .instruments import Traded, amount

_BARS = {"1m": "1m", "5m": "5m", "15m": "15m", "1h": "1H", "4h": "4H", "1d": "1Dutc"}
_AT_ONCE = 300


def read(client: Client, traded: Traded, *, symbol: str, timeframe: str, count: int) -> tuple[Candle, ...]:
    if timeframe not in _BARS:
        raise BrokerRejected(f"OKX has no {timeframe} candles of {symbol}", code=Rejection.UNSUPPORTED)
    found = list(_newest_first(client, traded, timeframe, count + 1))
    return tuple(reversed(found))


def _newest_first(client: Client, traded: Traded, timeframe: str, count: int) -> Iterator[Candle]:
    before: dict[str, str] = {}
    while count > 0:
        asked = min(count, _AT_ONCE)
        params = {"instId": traded.inst_id, "bar": _BARS[timeframe], "limit": str(asked), **before}
        rows = client.public("/market/candles", params, "ticker").rows
        yield from (_candle(row, spot=traded.spot) for row in rows)
        if len(rows) < asked:
            return
        count -= len(rows)
        before = {"after": str(rows[-1][0])}  # earlier than this time


def _candle(row: list[str], *, spot: bool) -> Candle:
    """[ts, open, high, low, close, vol, volCcy, volCcyQuote, confirm]; `vol` is in contracts but on spot."""
    return Candle(
        at=reports.moment(row[0]),
        open=amount(row[1]),
        high=amount(row[2]),
        low=amount(row[3]),
        close=amount(row[4]),
        volume=amount(row[5] if spot else row[6]),
    )
