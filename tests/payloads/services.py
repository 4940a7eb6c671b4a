"""Messages of other services as their documents show them, filled in as TradingView does; and what they come to.

name → (message without its credential, where the credential stands, what `Alert.to_json` gives).
"""

TRADERSPOST = {
    "traderspost strategy": (
        {
            "ticker": "AMD", "action": "buy", "sentiment": "long", "quantity": "10", "price": "143.12",
            "time": "2026-11-20T15:30:00Z", "interval": "5",
        },
        "token",
        {
            "symbol": "AMD", "action": "buy", "market_position": "long", "quantity": "10", "price": "143.12",
            "sent_at": "2026-11-20T15:30:00.000Z", "timeframe": "5", "order_type": "market",
        },
    ),
    "traderspost with protection": (
        {
            "ticker": "AMD", "action": "buy", "signalPrice": 143.12, "quantity": 1,
            "takeProfit": {"percent": 10}, "stopLoss": {"type": "stop", "percent": 5},
        },
        "token",
        {
            "symbol": "AMD", "action": "buy", "price": "143.12", "quantity": "1", "order_type": "market",
            "stop_loss": "5%", "take_profit": [{"at": "10%"}],
        },
    ),
    "traderspost limit with prices": (
        {
            "ticker": "TSLA", "action": "sell", "orderType": "limit", "limitPrice": 120.12, "quantity": 2,
            "quantityType": "fixed_quantity", "takeProfit": {"limitPrice": 110}, "stopLoss": {"stopPrice": 125.5},
        },
        "token",
        {
            "symbol": "TSLA", "action": "sell", "order_type": "limit", "price": "120.12", "quantity": "2",
            "take_profit": [{"at": "110"}], "stop_loss": "125.5",
        },
    ),
    "traderspost in dollars": (
        {"ticker": "BTCUSD", "action": "buy", "quantityType": "dollar_amount", "quantity": 500, "sentiment": "bullish"},
        "token",
        {"symbol": "BTCUSD", "action": "buy", "market_position": "long", "quote_amount": "500", "order_type": "market"},
    ),
    "traderspost by its risk": (
        {"ticker": "BTCUSD", "action": "buy", "quantityType": "risk_percent", "quantity": 1, "sentiment": "bullish"},
        "token",
        {
            "symbol": "BTCUSD", "action": "buy", "market_position": "long", "order_type": "market",
            "extra": {"quantityType": "risk_percent", "theirQuantity": 1},
        },
    ),
    "traderspost out": (
        {"ticker": "AMD", "action": "sell", "sentiment": "flat", "quantity": 10, "extras": {"why": "target"}},
        "token",
        {
            "symbol": "AMD", "action": "sell", "market_position": "flat", "quantity": "10", "order_type": "market",
            "extra": {"extras": {"why": "target"}},
        },
    ),
    "traderspost exit": (
        {"ticker": "AMD", "action": "exit", "signalPrice": "140"},
        "token",
        {"symbol": "AMD", "action": "exit", "price": "140", "order_type": "market"},
    ),
    "traderspost trailing": (
        {"ticker": "AMD", "action": "buy", "stopLoss": {"type": "trailing_stop", "trailPercent": "2.5"}},
        "token",
        {"symbol": "AMD", "action": "buy", "trailing_stop": "2.5%", "order_type": "market"},
    ),
    "traderspost option": (
        {"ticker": "SPY", "action": "buy", "optionType": "call", "strikePrice": 600, "expiration": "2026-12-18"},
        "token",
        {
            "symbol": "SPY", "action": "buy", "direction": "call", "market": "option", "strike": "600",
            "expiration": "2026-12-18", "order_type": "market",
        },
    ),
}  # fmt: skip

_SIGNAL_BOT = {
    "max_lag": "300", "timestamp": "2026-11-20T15:30:00Z", "trigger_price": "67000.5", "tv_exchange": "BINANCE",
    "tv_instrument": "BTCUSDT", "bot_uuid": "6f2d3a6e-2f4b-4a59-9c7b-0f3cf2b3a111",
}  # fmt: skip
_SIGNAL_BOT_ALERT = {
    "symbol": "BINANCE:BTCUSDT", "price": "67000.5", "sent_at": "2026-11-20T15:30:00.000Z", "order_type": "market",
}  # fmt: skip
_SIGNAL_BOT_EXTRA = {name: _SIGNAL_BOT[name] for name in ("max_lag", "tv_exchange", "tv_instrument", "bot_uuid")}
_INFO = {
    "market_position": "short", "market_position_size": "0.5", "prev_market_position": "long",
    "prev_market_position_size": "0.5",
}  # fmt: skip

THREE_COMMAS = {
    "3commas signal enter": (
        {**_SIGNAL_BOT, "action": "enter_long", "order": {"amount": "100", "currency_type": "quote"}},
        "secret",
        {
            **_SIGNAL_BOT_ALERT, "action": "buy", "direction": "long", "quote_amount": "100",
            "extra": {**_SIGNAL_BOT_EXTRA, "order": {"amount": "100", "currency_type": "quote"}},
        },
    ),
    "3commas signal enter at a limit": (
        {
            **_SIGNAL_BOT, "action": "enter_short",
            "order": {"amount": "0.5", "currency_type": "base", "order_type": "limit", "price": "68000"},
        },
        "secret",
        {
            **_SIGNAL_BOT_ALERT, "action": "sell", "direction": "short", "quantity": "0.5", "order_type": "limit",
            "price": "68000",
            "extra": {
                **_SIGNAL_BOT_EXTRA,
                "order": {"amount": "0.5", "currency_type": "base", "order_type": "limit", "price": "68000"},
            },
        },
    ),
    "3commas signal enter by margin": (
        {**_SIGNAL_BOT, "action": "enter_long", "order": {"amount": "10", "currency_type": "margin_percent"}},
        "secret",
        {
            **_SIGNAL_BOT_ALERT, "action": "buy", "direction": "long",
            "extra": {**_SIGNAL_BOT_EXTRA, "order": {"amount": "10", "currency_type": "margin_percent"}},
        },
    ),
    "3commas signal exit": (
        {**_SIGNAL_BOT, "action": "exit_short", "order": {"amount": "100", "currency_type": "position_percent"}},
        "secret",
        {
            **_SIGNAL_BOT_ALERT, "action": "close", "direction": "short",
            "extra": {**_SIGNAL_BOT_EXTRA, "order": {"amount": "100", "currency_type": "position_percent"}},
        },
    ),
    "3commas signal of a strategy": (
        {**_SIGNAL_BOT, "action": "sell", "strategy_info": _INFO, "order": {"amount": "1", "currency_type": "base"}},
        "secret",
        {
            **_SIGNAL_BOT_ALERT, "action": "sell", "market_position": "short", "market_position_size": "0.5",
            "prev_market_position": "long", "quantity": "1",
            "extra": {
                **_SIGNAL_BOT_EXTRA, "strategy_info": _INFO, "order": {"amount": "1", "currency_type": "base"},
            },
        },
    ),
    "3commas bot start": (
        {"message_type": "bot", "bot_id": 123456, "delay_seconds": 0, "pair": "USDT_BTC", "direction": "long"},
        "email_token",
        {
            "symbol": "USDT_BTC", "action": "buy", "direction": "long", "order_type": "market",
            "extra": {"message_type": "bot", "bot_id": 123456, "delay_seconds": 0},
        },
    ),
    "3commas bot close": (
        {
            "action": "close_at_market_price", "message_type": "bot", "bot_id": 123456, "delay_seconds": 0,
            "pair": "USDT_BTC",
        },
        "email_token",
        {
            "symbol": "USDT_BTC", "action": "close", "order_type": "market",
            "extra": {"message_type": "bot", "bot_id": 123456, "delay_seconds": 0},
        },
    ),
}  # fmt: skip

_OKX = {"instrument": "BTC-USDT-SWAP", "timestamp": "2026-11-20T15:30:00Z", "maxLag": "60"}
_OKX_ALERT = {"symbol": "BTC-USDT-SWAP", "sent_at": "2026-11-20T15:30:00.000Z", "order_type": "market"}

OKX = {
    "okx enter": (
        {
            **_OKX, "action": "ENTER_LONG", "orderType": "market", "orderPriceOffset": "", "investmentType": "contract",
            "amount": "3",
        },
        "signalToken",
        {
            **_OKX_ALERT, "action": "buy", "direction": "long", "quantity": "3",
            "extra": {"maxLag": "60", "orderPriceOffset": "", "investmentType": "contract"},
        },
    ),
    "okx enter by margin": (
        {**_OKX, "action": "ENTER_SHORT", "investmentType": "margin", "amount": "1000"},
        "signalToken",
        {
            **_OKX_ALERT, "action": "sell", "direction": "short",
            "extra": {"maxLag": "60", "investmentType": "margin", "amount": "1000"},
        },
    ),
    "okx exit": (
        {**_OKX, "action": "EXIT_LONG", "investmentType": "percentage_position", "amount": "100"},
        "signalToken",
        {
            **_OKX_ALERT, "action": "close", "direction": "long",
            "extra": {"maxLag": "60", "investmentType": "percentage_position", "amount": "100"},
        },
    ),
    "okx exit, as short as it can be": (
        {"action": "EXIT_SHORT", "instrument": "BTC-USDT-SWAP"},
        "signalToken",
        {"symbol": "BTC-USDT-SWAP", "action": "close", "direction": "short", "order_type": "market"},
    ),
    "okx of a strategy": (
        {
            **_OKX, "id": "Long entry", "action": "buy", "marketPosition": "long", "prevMarketPosition": "flat",
            "orderType": "market", "investmentType": "base", "amount": "0.25",
        },
        "signalToken",
        {
            **_OKX_ALERT, "action": "buy", "market_position": "long", "prev_market_position": "flat",
            "quantity": "0.25",
            "extra": {"maxLag": "60", "investmentType": "base", "strategy_order_id": "Long entry"},
        },
    ),
}  # fmt: skip

UNDERSTOOD = {**TRADERSPOST, **THREE_COMMAS, **OKX}

_ENTER = {**_SIGNAL_BOT, "action": "enter_long"}
_BOT = {"message_type": "bot", "bot_id": 1, "delay_seconds": 0, "pair": "USDT_BTC", "direction": "long"}
_AMD = {"ticker": "AMD", "action": "buy", "sentiment": "long"}

# name → (message, the field that the answer names)
REFUSED = {
    "traderspost add": ({"ticker": "AMD", "action": "add"}, "action"),
    "traderspost action unknown": ({**_AMD, "action": "hold"}, "action"),
    "traderspost sentiment unknown": ({**_AMD, "sentiment": "sideways"}, "sentiment"),
    "traderspost sells a part": ({**_AMD, "action": "sell"}, "sentiment"),
    "traderspost covers a part": ({**_AMD, "sentiment": "bearish"}, "sentiment"),
    "traderspost exits into a position": ({**_AMD, "action": "exit"}, "sentiment"),
    "traderspost exits a part": ({"ticker": "AMD", "action": "exit", "quantity": 5, "signalPrice": 1}, "quantity"),
    "traderspost unit unknown": ({**_AMD, "quantity": 1, "quantityType": "lots"}, "quantityType"),
    "traderspost quantity text": ({**_AMD, "quantity": "some"}, "quantity"),
    "traderspost stop by amount": ({**_AMD, "stopLoss": {"amount": 5}}, "stopLoss"),
    "traderspost stop by two": ({**_AMD, "stopLoss": {"percent": 5, "stopPrice": 1}}, "stopLoss"),
    "traderspost stop limit": ({**_AMD, "stopLoss": {"type": "stop_limit", "percent": 5}}, "stopLoss"),
    "traderspost stop of no percent": ({**_AMD, "stopLoss": {"percent": "five"}}, "stopLoss"),
    "traderspost stop not an object": ({**_AMD, "stopLoss": 5}, "stopLoss"),
    "traderspost target by amount": ({**_AMD, "takeProfit": {"amount": 5}}, "takeProfit"),
    "traderspost two prices": ({**_AMD, "limitPrice": 1, "stopPrice": 2}, "stopPrice"),
    "traderspost market with a limit": ({**_AMD, "orderType": "market", "limitPrice": 1}, "limitPrice"),
    "traderspost prices that differ": ({**_AMD, "price": 1, "signalPrice": 2}, "signalPrice"),
    "traderspost formula": ({**_AMD, "signalPrice": "=signal.price + 1"}, "price"),
    "traderspost delay": ({**_AMD, "delay": 30}, "delay"),
    "traderspost test": ({**_AMD, "test": True}, "test"),
    "traderspost option to be chosen": ({**_AMD, "optionType": "both"}, "optionType"),
    "traderspost strikes away": ({**_AMD, "optionType": "call", "strikesAway": 2}, "strikesAway"),
    "traderspost option in six months": ({**_AMD, "optionType": "call", "expiration": "+6 months"}, "expiration"),
    "3commas action unknown": ({**_SIGNAL_BOT, "action": "disable"}, "action"),
    "3commas without action": (_SIGNAL_BOT, "action"),
    "3commas without instrument": ({**_ENTER, "tv_instrument": ""}, "tv_instrument"),
    "3commas instrument a list": ({**_ENTER, "tv_instrument": ["BTCUSDT"]}, "tv_instrument"),
    "3commas exits a part": (
        {**_SIGNAL_BOT, "action": "exit_long", "order": {"amount": "50", "currency_type": "position_percent"}}, "order",
    ),
    "3commas exits an amount": (
        {**_SIGNAL_BOT, "action": "exit_long", "order": {"amount": "100", "currency_type": "base"}}, "order",
    ),
    "3commas unit unknown": ({**_ENTER, "order": {"amount": "1", "currency_type": "barrels"}}, "order"),
    "3commas order not an object": ({**_ENTER, "order": "100"}, "order"),
    "3commas strategy without its position": ({**_SIGNAL_BOT, "action": "buy"}, "action"),
    "3commas time not filled in": ({**_ENTER, "timestamp": "{{timenow}}"}, "timestamp"),
    "3commas bot without direction": ({k: v for k, v in _BOT.items() if k != "direction"}, "direction"),
    "3commas bot delayed": ({**_BOT, "delay_seconds": 30}, "delay_seconds"),
    "3commas bot without pair": ({k: v for k, v in _BOT.items() if k != "pair"}, "pair"),
    "3commas bot funds": ({**_BOT, "action": "add_funds_in_quote"}, "action"),
    "3commas bot stop": ({**_BOT, "action": "stop_bot"}, "action"),
    "okx action unknown": ({**_OKX, "action": "HOLD", "signalToken": ""}, "action"),
    "okx exits a part": (
        {**_OKX, "action": "EXIT_LONG", "investmentType": "percentage_position", "amount": "50"}, "amount",
    ),
    "okx exits contracts": (
        {**_OKX, "action": "EXIT_LONG", "investmentType": "contract", "amount": "1"}, "investmentType",
    ),
    "okx exits an amount of nothing": ({**_OKX, "action": "EXIT_LONG", "amount": "100"}, "amount"),
    "okx unit unknown": ({**_OKX, "action": "ENTER_LONG", "investmentType": "lots", "amount": "1"}, "investmentType"),
    "okx limit that follows": (
        {**_OKX, "action": "ENTER_LONG", "orderType": "limit", "orderPriceOffset": "0.1"}, "orderPriceOffset",
    ),
}  # fmt: skip
