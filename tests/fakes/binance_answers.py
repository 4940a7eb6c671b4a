"""What the loopback Binance answers, in the shapes of the Spot and USDⓈ-M REST documentation."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .binance_books import SYMBOLS, Book, Order, Refused, Trade

if TYPE_CHECKING:
    from .binance import Venue


def text(value: Decimal) -> str:
    return format(value, "f")


def public(venue: Venue, path: str, said: dict[str, str]) -> Any:
    """None for a path that wants a key."""
    book = venue.book(path)
    name = path.rpartition("/")[2]
    if name == "time":
        return {"serverTime": venue.now}
    if name == "exchangeInfo":
        return {"symbols": [_symbol(book, symbol) for symbol in SYMBOLS if book.status.get(symbol, "TRADING")]}
    if name == "depth":
        bid, ask = book.prices[said["symbol"]]
        return {"lastUpdateId": 1, "bids": [[text(bid), "3.5"]], "asks": [[text(ask), "3.5"]]}
    if name == "klines":
        return _klines(venue, said)
    if path.endswith("/ticker/24hr"):
        bid, ask = book.prices[said["symbol"]]
        return {
            "symbol": said["symbol"], "lastPrice": text((bid + ask) / 2), "volume": "1234.567", "quoteVolume": "1",
            "openPrice": text(bid), "highPrice": text(ask), "lowPrice": text(bid), "closeTime": venue.now,
        }  # fmt: skip
    return None


def _klines(venue: Venue, said: dict[str, str]) -> list[list[Any]]:
    """Hours from `startTime` on, the running one the last: 100, 101 … with a range of 5 around each close."""
    hour = 3_600_000
    first = -(-int(said["startTime"]) // hour) * hour
    starts = list(range(first, venue.now + 1, hour))[: int(said["limit"])]
    return [
        [at, str(100 + n), str(105 + n), str(95 + n), f"{102 + n}.5", "7.25", at + hour - 1, "1", 3, "1", "1", "0"]
        for n, at in enumerate(starts)
    ]


def _symbol(book: Book, symbol: str) -> dict[str, Any]:
    facts = SYMBOLS[symbol]
    lot, tick = text(book.lot(symbol)), text(book.tick(symbol))
    shared = {
        "symbol": symbol, "status": book.status.get(symbol, "TRADING"),
        "baseAsset": facts["base"], "quoteAsset": facts["quote"], "baseAssetPrecision": 8, "quotePrecision": 8,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "9000", "stepSize": lot},
            {"filterType": "MIN_NOTIONAL" if book.futures else "NOTIONAL", "minNotional": "5", "notional": "5"},
        ],
    }  # fmt: skip
    if book.futures:
        return shared | {
            "pair": symbol, "contractType": "PERPETUAL", "marginAsset": "USDT", "deliveryDate": 4133404800000,
            "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TRAILING_STOP_MARKET"],
            "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
        }  # fmt: skip
    return shared | {
        "isSpotTradingAllowed": True, "permissions": ["SPOT"],
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"],
    }  # fmt: skip


_SIGNED = {"timestamp", "recvWindow", "signature"}
_PLACED = {
    "symbol", "side", "type", "timeInForce", "quantity", "quoteOrderQty", "price", "newClientOrderId", "stopPrice",
    "newOrderRespType", "positionSide", "reduceOnly", "callbackRate", "activatePrice", "trailingDelta",
}  # fmt: skip
_NAMES = {
    "order": _PLACED,
    "algoOrder": _PLACED | {"algoType", "clientAlgoId", "triggerPrice"},
    "leverage": {"symbol", "leverage"},
    "marginType": {"symbol", "marginType"},
}


def check_names(method: str, path: str, said: dict[str, str]) -> None:
    """What an endpoint does not read, it refuses."""
    known = _NAMES.get(path.rpartition("/")[2])
    if method == "POST" and known is not None and not said.keys() <= known | _SIGNED:
        read = len(said.keys() & (known | _SIGNED))
        words = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(said)}'."
        raise Refused(-1104, words)


def private(venue: Venue, method: str, path: str, said: dict[str, str]) -> Any:
    book = venue.book(path)
    call = (method, path.split("/", 3)[3])
    if call in _ORDERS:
        return _ORDERS[call](book, said, venue.now)
    if call in _ACCOUNT:
        return _ACCOUNT[call](venue, book, said)
    raise KeyError(path)


def _since(rows: list[dict[str, Any]], name: str, said: dict[str, str]) -> list[dict[str, Any]]:
    first, last = int(said.get("startTime", 0)), int(said.get("endTime", 1 << 62))
    return [row for row in rows if first <= row[name] <= last]


def _placed(book: Book, said: dict[str, str], now: int) -> Any:
    found = book.place(said, now)
    if book.futures:
        return order(book, found)  # RESULT: totals, and no trades
    return order(book, found) | {"fills": [_fill(trade) for trade in book.trades if trade.order is found]}


def order(book: Book, found: Order) -> dict[str, Any]:
    shared = {
        "symbol": found.symbol, "orderId": found.number, "clientOrderId": found.client_id, "price": text(found.price),
        "origQty": text(found.quantity), "executedQty": text(found.filled), "status": found.status,
        "timeInForce": found.tif, "type": found.type, "side": found.side, "stopPrice": text(found.stop),
    }  # fmt: skip
    if not book.futures:
        return shared | {
            "cummulativeQuoteQty": text(found.value), "transactTime": found.at, "time": found.at, "updateTime": found.at
        }  # fmt: skip
    average = found.value / found.filled if found.filled else Decimal(0)
    return shared | {
        "cumQuote": text(found.value), "avgPrice": text(average), "positionSide": found.position_side,
        "reduceOnly": found.reduce_only, "time": found.at, "updateTime": found.at,
    }  # fmt: skip


def _algo(found: Order) -> dict[str, Any]:
    return {
        "algoId": found.number, "clientAlgoId": found.client_id, "algoType": "CONDITIONAL", "orderType": found.type,
        "symbol": found.symbol, "side": found.side, "positionSide": found.position_side,
        "quantity": text(found.quantity),
        "algoStatus": found.status, "triggerPrice": text(found.stop), "price": text(found.price),
        "actualOrderId": str(found.child) if found.child else "", "createTime": found.at, "updateTime": found.at,
        "reduceOnly": found.reduce_only, "callbackRate": text(found.rate), "timeInForce": found.tif,
    }  # fmt: skip


def _fill(trade: Trade) -> dict[str, Any]:
    return {
        "price": text(trade.price), "qty": text(trade.quantity), "commission": text(trade.fee),
        "commissionAsset": trade.fee_currency, "tradeId": trade.number,
    }  # fmt: skip


def _trade(trade: Trade) -> dict[str, Any]:
    return {
        "symbol": trade.order.symbol, "id": trade.number, "orderId": trade.order.number, "price": text(trade.price),
        "qty": text(trade.quantity), "quoteQty": text(trade.quantity * trade.price), "commission": text(trade.fee),
        "commissionAsset": trade.fee_currency, "time": trade.at, "isBuyer": trade.order.side == "BUY",
        "isMaker": False, "buyer": trade.order.side == "BUY", "maker": False, "side": trade.order.side,
        "positionSide": trade.order.position_side, "realizedPnl": "0",
    }  # fmt: skip


def _trades(book: Book, said: dict[str, str], now: int) -> Any:
    since, until = int(said.get("startTime", 0)), int(said.get("endTime", now + 1))
    found = [
        trade
        for trade in book.trades
        if trade.order.symbol == said["symbol"]
        and since <= trade.at <= until
        and said.get("orderId", str(trade.order.number)) == str(trade.order.number)
    ]
    return [_trade(trade) for trade in found[: int(said.get("limit", "500"))]]


def _open(book: Book, said: dict[str, str], *, algo: bool) -> list[Order]:
    return [
        found
        for found in book.orders
        if found.open and found.algo == algo and said.get("symbol", found.symbol) == found.symbol
    ]


_ORDERS: dict[tuple[str, str], Any] = {
    ("POST", "order"): _placed,
    ("GET", "order"): lambda book, said, now: order(book, book.find(said)),
    ("DELETE", "order"): lambda book, said, now: order(book, book.cancel(said)),
    ("GET", "openOrders"): lambda book, said, now: [order(book, item) for item in _open(book, said, algo=False)],
    ("GET", "myTrades"): _trades,
    ("GET", "userTrades"): _trades,
    ("POST", "algoOrder"): lambda book, said, now: _algo(book.place(said, now, algo=True)),
    ("GET", "algoOrder"): lambda book, said, now: _algo(book.find(said, algo=True)),
    ("DELETE", "algoOrder"): lambda book, said, now: _algo(book.cancel(said, algo=True)),
    ("GET", "openAlgoOrders"): lambda book, said, now: [_algo(item) for item in _open(book, said, algo=True)],
}


def _account(venue: Venue, book: Book, said: dict[str, str]) -> Any:
    if not book.futures:
        balances = [{"asset": name, "free": text(held), "locked": "0"} for name, held in book.balances.items()]
        return {"canTrade": True, "accountType": "SPOT", "balances": balances}
    held = text(book.balances["USDT"])
    assets = [{"asset": "USDT", "walletBalance": held, "availableBalance": held, "initialMargin": "0",
               "marginBalance": held, "maintMargin": "0"}]  # fmt: skip
    return {"assets": assets, "positions": []}


def _positions(venue: Venue, book: Book, said: dict[str, str]) -> Any:
    return [
        {
            "symbol": symbol, "positionSide": side, "positionAmt": text(held),
            "entryPrice": text(book.prices[symbol][1]),
            "breakEvenPrice": "0", "markPrice": text(book.prices[symbol][0]), "unRealizedProfit": "-0.2",
            "liquidationPrice": "0", "notional": text(held * book.prices[symbol][0]), "marginAsset": "USDT",
            "isolatedMargin": "0", "isolatedWallet": "0", "initialMargin": "10", "maintMargin": "1",
            "positionInitialMargin": "10", "openOrderInitialMargin": "0", "adl": 1, "bidNotional": "0",
            "askNotional": "0", "updateTime": venue.now,
        }
        for (symbol, side), held in book.positions.items()
        if held
    ]  # fmt: skip


def _leverage(venue: Venue, book: Book, said: dict[str, str]) -> Any:
    book.leverage[said["symbol"]] = int(said["leverage"])
    return {"symbol": said["symbol"], "leverage": int(said["leverage"]), "maxNotionalValue": "1000000"}


def _margin(venue: Venue, book: Book, said: dict[str, str]) -> Any:
    if book.margin.get(said["symbol"], "CROSSED") == said["marginType"]:
        raise Refused(-4046, "No need to change margin type.")
    book.margin[said["symbol"]] = said["marginType"]
    return {"code": 200, "msg": "success"}


_ACCOUNT: dict[tuple[str, str], Any] = {
    ("GET", "account"): _account,
    ("GET", "positionRisk"): _positions,
    ("GET", "positionSide/dual"): lambda venue, book, said: {"dualSidePosition": book.hedge},
    ("GET", "income"): lambda venue, book, said: [
        row for row in venue.funding if said.get("incomeType", row["incomeType"]) == row["incomeType"]
    ],
    ("GET", "capital/deposit/hisrec"): lambda venue, book, said: _since(venue.deposits, "insertTime", said),
    ("GET", "capital/withdraw/history"): lambda venue, book, said: venue.withdrawals,
    ("GET", "asset/transfer"): lambda venue, book, said: {
        "rows": [row for row in _since(venue.moves, "timestamp", said) if row["type"] == said["type"]]
    },
    ("POST", "leverage"): _leverage,
    ("POST", "marginType"): _margin,
    ("GET", "account/apiRestrictions"): lambda venue, book, said: venue.restrictions,
    ("GET", "leverageBracket"): lambda venue, book, said: [
        {"symbol": symbol, "brackets": [{"bracket": 1, "initialLeverage": 100, "notionalCap": 10000000,
         "notionalFloor": 0, "maintMarginRatio": 0.004, "cum": 0}]}
        for symbol in SYMBOLS
    ],
}  # fmt: skip
