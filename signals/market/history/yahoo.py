"""Yahoo's daily prices and headlines, by yfinance.

Unofficial and at times unwell: whatever it says that is not a price is a NoHistory with its own words.
"""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from django.conf import settings

from .base import DayBar, Headline, NoHistory, clean

TIMEOUT_SECONDS = 10
_HEADLINES = 20
# After an exchange's regular hours: its closing auction, and prices that Yahoo passes on up to 30 minutes late.
_SETTLES = timedelta(hours=1)


class YahooHistory:
    def bars(self, symbol: str, *, days: int, now: datetime) -> list[DayBar]:
        # Calendar days for as many trading days, with room for holidays.
        begin = now.timestamp() - days * 86_400 * 365 / 250 - 10 * 86_400
        start = datetime.fromtimestamp(begin, UTC).date().isoformat()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the library's own, about the libraries that it uses
                asked = ticker(symbol)
                frame = asked.history(
                    start=start, interval="1d", auto_adjust=True, actions=False, timeout=TIMEOUT_SECONDS
                )
            over = _last_day_over(asked.history_metadata, frame.index.tz or UTC, now=now)
            rows = [
                DayBar(
                    when.date(),
                    float(row.Open),
                    float(row.High),
                    float(row.Low),
                    float(row.Close),
                    float(row.Volume or 0),
                    final=when.date() <= over,
                )
                for when, row in zip(frame.index, frame.itertuples(), strict=True)
            ]
        except Exception as error:
            raise NoHistory(f"{symbol}: Yahoo gives no prices: {words(error)}") from error
        return clean(rows, symbol=symbol)[-days:]

    def headlines(self, symbol: str, *, now: datetime) -> list[Headline]:
        try:
            found = ticker(symbol).get_news(count=_HEADLINES)
            return [headline for item in found if (headline := _headline(item)) is not None]
        except Exception as error:
            raise NoHistory(f"{symbol}: Yahoo gives no headlines: {words(error)}") from error


def ticker(symbol: str) -> Any:
    """The library's view of a symbol, with no answer of an earlier question in it.

    It keeps the first answer about a symbol's time zone until the process ends, garbage and "not found" too:
    a symbol that met Yahoo unwell once would have no prices until a restart.
    """
    yfinance = _imported()
    yfinance.data.YfData.cache_get.cache_clear()
    return yfinance.Ticker(symbol, session=_session())


@cache
def _imported() -> Any:
    """The library, told to raise what it would only log, and to keep its cookies in our own folder."""
    import yfinance

    yfinance.config.debug.hide_exceptions = False
    yfinance.set_tz_cache_location(str(settings.YAHOO_CACHE))
    return yfinance


def _last_day_over(told: Any, zone: tzinfo, *, now: datetime) -> date:
    """Where the symbol is traded: today once its hours have passed, where Yahoo says them, else yesterday."""
    today = now.astimezone(zone).date()
    hours = told.get("currentTradingPeriod")
    regular = hours.get("regular") if isinstance(hours, dict) else None
    ends = regular.get("end") if isinstance(regular, dict) else None
    if isinstance(ends, datetime) and ends.astimezone(zone).date() == today and ends + _SETTLES <= now:
        return today
    return today - timedelta(days=1)


def _headline(item: Any) -> Headline | None:
    content = item.get("content", item) if isinstance(item, dict) else None
    if not isinstance(content, dict):
        return None
    title, at = content.get("title"), content.get("pubDate")
    if not isinstance(title, str) or not isinstance(at, str):
        return None
    try:
        when = datetime.fromisoformat(at)
    except ValueError:
        return None
    provider = content.get("provider")
    publisher = provider.get("displayName", "") if isinstance(provider, dict) else ""
    return Headline(title[:300], when, str(publisher)[:100])


def words(error: Exception) -> str:
    if isinstance(error, ValueError) and "Expecting" in str(error):
        return "its answer is not JSON"
    return (" ".join(str(error).split()) or type(error).__name__)[:160]


class _Redirected(requests.Session):
    """Asks another address instead of Yahoo's: a proxy of one's own, or the data of a test."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = urlsplit(base)

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(str(url))
        moved = urlunsplit((self._base.scheme, self._base.netloc, parts.path, parts.query, ""))
        return super().request(method, moved, *args, **kwargs)


def _session() -> requests.Session:
    session = _Redirected(settings.YAHOO_URL) if settings.YAHOO_URL else requests.Session()
    session.trust_env = False
    session.headers["User-Agent"] = "Mozilla/5.0"  # Yahoo refuses what does not look like a browser
    return session
