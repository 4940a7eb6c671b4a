"""OKX and Binance on loopback, as far as daily candles go, in the shapes of their public REST documentation.

`manner` of a market's id (BTC-USDT, BTCUSDT): well, empty, nan, nonsense (rows of another shape), down (502), garbage
(half a JSON), page (200 with HTML), refused (the exchange's own error), slow (no answer until the end).
"""

import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from signals.market.history.simulated import SimulatedHistory
from tests.fakes import loopback

DAY_MS = 86_400_000
OKX_MOST, BINANCE_MOST = 300, 1000


class Exchange:
    """`listed` are the days that there are of each base currency, oldest first, as (milliseconds, close)."""

    def __init__(self):
        self.url = ""
        self.manner = {}
        self.asked = []
        self.listed = {base: _days(base) for base in ("BTC", "ETH")}
        self.stopping = threading.Event()

    def count(self, path):
        return sum(1 for asked, _ in self.asked if asked == path)


def _days(base):
    bars = SimulatedHistory().bars(base, days=2000, now=datetime(2026, 11, 20, tzinfo=UTC))
    first = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp() * 1000) - DAY_MS * (len(bars) - 1)
    return [(first + number * DAY_MS, bar.close) for number, bar in enumerate(bars)]


def _okx_instruments(exchange, said):
    suffix, kind = ("-SWAP", "SWAP") if said.get("instType") == "SWAP" else ("", "SPOT")
    rows = []
    for base in exchange.listed:
        row = {
            "instType": kind, "instId": f"{base}-USDT{suffix}", "baseCcy": base, "quoteCcy": "USDT", "uly": "",
            "instFamily": "", "settleCcy": "", "ctVal": "", "ctMult": "", "ctValCcy": "", "ctType": "", "lever": "10",
            "listTime": "1548133413000", "expTime": "", "lotSz": "0.00000001", "minSz": "0.00001", "tickSz": "0.1",
            "maxLmtSz": "9999999999", "maxMktSz": "1000000", "state": "live", "alias": "", "category": "1",
        }  # fmt: skip
        if suffix:
            row |= {
                "baseCcy": "", "quoteCcy": "", "uly": f"{base}-USDT", "instFamily": f"{base}-USDT",
                "settleCcy": "USDT", "ctVal": "0.01", "ctMult": "1", "ctValCcy": base, "ctType": "linear",
            }  # fmt: skip
        rows.append(row)
    return {"code": "0", "data": rows, "msg": ""}


def _okx_candles(exchange, said):
    """Newest first, of those between `before` and `after`, both left out."""
    manner = exchange.manner.get(said["instId"])
    if manner == "refused":
        return {"code": "51001", "data": [], "msg": "Instrument ID does not exist"}
    if manner == "nonsense":
        return {"code": "0", "data": [["x"], [None, "1", "1", "1", "1", "1"], [], "row"], "msg": ""}
    begin, end = int(said.get("before", 0)), int(said.get("after", 2**60))
    days = [(at, close) for at, close in exchange.listed[said["instId"].split("-")[0]] if begin < at < end]
    days = [] if manner == "empty" else days[-min(int(said.get("limit", 100)), OKX_MOST) :]
    rows = [
        [str(at), *(_text(close, manner) for _ in range(4)), "12.5", "1000000", "1000000", "1"] for at, close in days
    ]
    return {"code": "0", "data": rows[::-1], "msg": ""}


def _binance_info(exchange, said):
    return {
        "timezone": "UTC", "serverTime": 1, "rateLimits": [], "exchangeFilters": [],
        "symbols": [
            {
                "symbol": f"{base}USDT", "status": "TRADING", "baseAsset": base, "quoteAsset": "USDT",
                "baseAssetPrecision": 8, "quotePrecision": 8, "orderTypes": ["LIMIT", "MARKET"],
                "isSpotTradingAllowed": True, "permissions": ["SPOT"],
                "filters": [
                    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
                    {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
                ],
            }
            for base in exchange.listed
        ],
    }  # fmt: skip


def _binance_klines(exchange, said):
    """Oldest first, from `startTime` on."""
    manner = exchange.manner.get(said["symbol"])
    days = [day for day in exchange.listed[said["symbol"].removesuffix("USDT")] if day[0] >= int(said["startTime"])]
    days = [] if manner == "empty" else days[: min(int(said["limit"]), BINANCE_MOST)]
    return [
        [at, *(_text(close, manner) for _ in range(4)), "12.5", at + DAY_MS - 1, "1", 9, "1", "1", "0"]
        for at, close in days
    ]


def _text(close, manner):
    return "NaN" if manner == "nan" else str(close)


ROUTES = {
    "/api/v5/public/instruments": _okx_instruments,
    "/api/v5/market/candles": _okx_candles,
    "/api/v5/market/history-candles": _okx_candles,
    "/api/v3/exchangeInfo": _binance_info,
    "/api/v3/klines": _binance_klines,
}


class _Handler(loopback.Handler):
    def answer(self):
        exchange = self.server.venue
        parts = urlsplit(self.path)
        said = dict(parse_qsl(parts.query))
        exchange.asked.append((parts.path, said))
        manner = exchange.manner.get(said.get("instId") or said.get("symbol") or parts.path)
        if manner == "down":
            return self._say(502, "<html>Bad gateway</html>")
        if manner == "slow":
            exchange.stopping.wait(20)
            self.close_connection = True
            return None
        if manner == "garbage":
            return self._say(200, '{"code": "0", "data": [["159702')
        if manner == "page":
            return self._say(200, "<html>Please complete the captcha</html>")
        route = ROUTES.get(parts.path)
        if route is None:
            return self._say(404, '{"msg": "no such path"}')
        return self._say(200, route(exchange, said))

    def _say(self, status, answer):
        self.say(status, answer, Connection="close")
        self.close_connection = True


@contextmanager
def running_exchange():
    exchange = Exchange()
    with loopback.serving(_Handler, exchange) as exchange.url:
        try:
            yield exchange
        finally:
            exchange.stopping.set()
