"""Yahoo's bars, by yfinance. Unofficial and at times unwell, and it takes 100 MB of memory where it is used."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from datetime import UTC, datetime

from accounts.models import Account
from signals.market.bars import DAY, TIMEFRAMES, Bar, NoBars
from signals.market.history import yahoo

_NAMES = {"1m": "1m", "5m": "5m", "15m": "15m", "1h": "60m", "1d": "1d"}
# Sessions are a quarter of the day and five days a week: calendar time for as many bars, with room for holidays.
_ROOM = {DAY: 1.6}
_ROOM_INTRADAY = 6.0


class YahooBars:
    def key(self, account: Account | None) -> Hashable:
        return None

    def bars(self, symbol: str, *, timeframe: str, count: int, account: Account | None, now: datetime) -> list[Bar]:
        if timeframe not in _NAMES:
            raise NoBars(f"Yahoo has no {timeframe} bars")
        span = TIMEFRAMES[timeframe].total_seconds() * count * _ROOM.get(timeframe, _ROOM_INTRADAY) + 5 * 86_400
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the library's own, about the libraries that it uses
                frame = yahoo.ticker(symbol).history(
                    start=int(now.timestamp() - span), interval=_NAMES[timeframe], auto_adjust=True, actions=False,
                    timeout=yahoo.TIMEOUT_SECONDS,
                )  # fmt: skip
        except Exception as error:
            raise NoBars(f"Yahoo gives no bars of {symbol}: {yahoo.words(error)}") from error
        return [
            Bar(_begin(when.to_pydatetime(), timeframe), float(row.Open), float(row.High), float(row.Low),
                float(row.Close), float(row.Volume or 0))
            for when, row in zip(frame.index, frame.itertuples(), strict=True)
        ]  # fmt: skip


def _begin(at: datetime, timeframe: str) -> datetime:
    """A day begins at its midnight in UTC, as everywhere here; Yahoo says the exchange's."""
    if timeframe == DAY:
        return datetime(at.year, at.month, at.day, tzinfo=UTC)
    return at.astimezone(UTC)
