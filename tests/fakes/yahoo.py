"""Yahoo on loopback, in the shape in which it answers: daily charts and headlines; it can be unwell in several ways."""

import json
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from signals.market.history.simulated import SimulatedHistory
from tests.fakes import loopback


class Yahoo:
    """`manner` of a symbol: well, slow, garbage, nan, empty, unknown, down."""

    def __init__(self):
        self.manner = {}
        self.headlines = {}
        self.asked = []
        self.url = ""
        self.intraday = {}  # symbol → [(time, open, high, low, close, volume)], for every interval below a day
        self.market_time = None  # of the last trade
        self.hours = None  # (begin, end) of the trading day that daily charts tell of

    def chart(self, symbol, first, last, interval="1d"):
        if self.manner.get(symbol) == "unknown":
            told = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return 404, {"chart": {"result": None, "error": told}}
        bars = SimulatedHistory().bars(symbol, days=2500, now=datetime.now(UTC))
        bars = [bar for bar in bars if first <= _stamp(bar.date) <= last]
        if interval not in ("1d", "5d") and self.manner.get(symbol) is None:
            return 200, self._intraday(symbol, first, last, interval)
        if self.manner.get(symbol) == "empty":
            bars = []
        quote = {
            "open": [bar.open for bar in bars], "high": [bar.high for bar in bars], "low": [bar.low for bar in bars],
            "close": [bar.close for bar in bars], "volume": [int(bar.volume) for bar in bars],
        }  # fmt: skip
        if self.manner.get(symbol) == "nan":
            quote = {name: [None] * len(values) for name, values in quote.items()}
        meta = {
            "currency": "USD", "symbol": symbol, "exchangeName": "NMS", "instrumentType": "EQUITY",
            "firstTradeDate": 345479400, "gmtoffset": -18000, "timezone": "EST",
            "exchangeTimezoneName": "America/New_York", "regularMarketPrice": bars[-1].close if bars else 0.0,
            "priceHint": 2, "dataGranularity": "1d", "range": "", "validRanges": ["1d", "5d", "max"],
        }  # fmt: skip
        if self.hours is not None:
            begin, end = (int(at.timestamp()) for at in self.hours)
            meta["currentTradingPeriod"] = {
                name: {"start": begin, "end": end, "gmtoffset": -18000, "timezone": "EST"}
                for name in ("pre", "regular", "post")
            }
        result = {
            "meta": meta, "timestamp": [_stamp(bar.date) for bar in bars],
            "indicators": {"quote": [quote], "adjclose": [{"adjclose": list(quote["close"])}]},
        }  # fmt: skip
        if not bars:
            result.pop("timestamp")
            result["indicators"] = {"quote": [{}], "adjclose": [{}]}
        return 200, {"chart": {"result": [result], "error": None}}

    def _intraday(self, symbol, first, last, interval):
        rows = [row for row in self.intraday.get(symbol, []) if first <= row[0].timestamp() <= last]
        names = ("open", "high", "low", "close", "volume")
        meta = {
            "currency": "USD", "symbol": symbol, "exchangeName": "NMS", "instrumentType": "EQUITY",
            "firstTradeDate": 345479400, "gmtoffset": -18000, "timezone": "EST", "priceHint": 2,
            "exchangeTimezoneName": "America/New_York", "dataGranularity": interval, "range": "",
            "validRanges": ["1d", "5d", "max"], "regularMarketPrice": rows[-1][4] if rows else 0.0,
            "regularMarketTime": int((self.market_time or rows[-1][0]).timestamp()) if rows else 0,
            "currentTradingPeriod": {
                name: {"start": 0, "end": 2**33, "gmtoffset": -18000, "timezone": "EST"}
                for name in ("pre", "regular", "post")
            },
            "tradingPeriods": [[{"start": 0, "end": 2**33, "gmtoffset": -18000, "timezone": "EST"}]],
        }  # fmt: skip
        quote = {name: [row[place] for row in rows] for place, name in enumerate(names, 1)}
        result = {
            "meta": meta,
            "timestamp": [int(row[0].timestamp()) for row in rows],
            "indicators": {"quote": [quote]},
        }
        return {"chart": {"result": [result], "error": None}}

    def news(self, symbol):
        """A headline that is no text stands for its whole item, as odd as it is."""
        return [
            title if not isinstance(title, str) else
            {"id": str(number), "content": {"title": title, "pubDate": "2026-11-20T12:00:00Z",
             "provider": {"displayName": "Example Wire"}}}
            for number, title in enumerate(self.headlines.get(symbol, []))
        ]  # fmt: skip


def _stamp(day):
    """14:30 UTC, when New York opens in winter."""
    return int((datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=14, minutes=30)).timestamp())


class _Handler(loopback.Handler):
    def answer(self):
        parts = urlsplit(self.path)
        self.server.venue.asked.append(parts.path)
        if self.command == "POST":
            return self._say(200, self._headlines())
        if parts.path.endswith("/getcrumb"):
            return self._say(200, "crumb", "text/plain")
        if not parts.path.startswith("/v8/finance/chart/"):
            return self._say(200, "", "text/html")
        symbol = parts.path.rpartition("/")[2]
        manner = self.server.venue.manner.get(symbol)
        if manner == "down":
            return self._say(502, "<html>Bad gateway</html>", "text/html")
        if manner == "slow":
            time.sleep(0.6)
        if manner == "garbage":
            return self._say(200, '{"chart": {"result": [')
        query = parse_qs(parts.query)
        first, last = (int(query.get(name, ["0"])[0]) for name in ("period1", "period2"))
        interval = query.get("interval", ["1d"])[0]
        status, body = self.server.venue.chart(symbol, first, last or 2**40, interval)
        return self._say(status, body)

    def _headlines(self):
        symbol = json.loads(self.body()).get("serviceConfig", {}).get("s", [""])[0]
        return {"data": {"tickerStream": {"stream": self.server.venue.news(symbol)}}}

    def _say(self, status, answer, kind="application/json"):
        self.say(status, answer, Content_Type=kind, Connection="close")
        self.close_connection = True


@contextmanager
def running_yahoo():
    yahoo = Yahoo()
    with loopback.serving(_Handler, yahoo) as yahoo.url:
        yield yahoo
