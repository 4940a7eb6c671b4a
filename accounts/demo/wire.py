"""What OKX says and how it is wrapped: codes, HTTP statuses and texts (docs-v5, "Error Code", as of July 2026)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradeops.core import money

FINEST = Decimal("1e-16")
# code -> (HTTP status, text). Items of trade requests always travel with 200.
TEXTS: dict[str, tuple[int, str]] = {
    "50000": (400, "Body for POST request cannot be empty."),
    "50001": (503, "Service temporarily unavailable. Please try again later."),
    "50002": (400, "JSON syntax error"),
    "50004": (400, "API endpoint request timeout. (does not mean that the request was successful or failed)"),
    "50005": (410, "API endpoint is inactive or unavailable."),
    "50006": (400, 'Invalid Content-Type. Please use "application/JSON".'),
    "50011": (429, "Too Many Requests"),
    "50013": (429, "Systems are busy. Please try again later."),
    "50014": (400, "Parameter {0} can not be empty."),
    "50015": (400, "Either parameter {0} or {1} is required"),
    "50016": (400, "Parameter {0} does not match parameter {1}"),
    "50024": (200, "Parameter {0} and {1} can not exist at the same time."),
    "50025": (200, "Parameter {0} count exceeds the limit {1}."),
    "50026": (500, "System error. Try again later"),
    "50030": (200, "You don't have permission to use this API endpoint"),
    "50036": (
        200,
        "The expTime can't be earlier than the current system time. Please adjust the expTime and try again.",
    ),
    "50061": (200, "You've reached the maximum order rate limit for this account."),
    "50101": (401, "APIKey does not match current environment."),
    "50102": (401, "Timestamp request expired."),
    "50103": (401, 'Request header "OK-ACCESS-KEY" cannot be empty.'),
    "50104": (401, 'Request header "OK-ACCESS-PASSPHRASE" cannot be empty.'),
    "50105": (401, 'Request header "OK-ACCESS-PASSPHRASE" incorrect.'),
    "50106": (401, 'Request header "OK-ACCESS-SIGN" cannot be empty.'),
    "50107": (401, 'Request header "OK-ACCESS-TIMESTAMP" cannot be empty.'),
    "50110": (401, "Your IP {0} is not included in your API key's IP whitelist."),
    "50111": (401, "Invalid OK-ACCESS-KEY."),
    "50112": (401, "Invalid OK-ACCESS-TIMESTAMP."),
    "50113": (401, "Invalid signature."),
    "50115": (405, "Invalid request method."),
    "50120": (200, "This API key doesn't have permission to use this function"),
    "51000": (400, "Parameter {0} error"),
    "51001": (200, "Instrument ID, Instrument ID code or Spread ID doesn't exist."),
    "51003": (200, "Either client order ID or order ID is required."),
    "51005": (200, "Your order amount exceeds the max order amount."),
    "51008": (200, "Order failed. Insufficient {0} balance in account"),
    "51010": (200, "Request unsupported under current account mode"),
    "51015": (200, "Instrument ID doesn't match instrument type."),
    "51016": (200, "Client order ID already exists."),
    "51020": (200, "Your order should meet or exceed the minimum order amount."),
    "51023": (200, "Position doesn't exist."),
    "51046": (200, "The take profit trigger price must be higher than the order price"),
    "51047": (200, "The stop loss trigger price must be lower than the order price"),
    "51048": (200, "The take profit trigger price must be lower than the order price"),
    "51049": (200, "The stop loss trigger price must be higher than the order price"),
    "51050": (200, "The take profit trigger price must be higher than the best ask price"),
    "51051": (200, "The stop loss trigger price must be lower than the best ask price"),
    "51052": (200, "The take profit trigger price must be lower than the best bid price"),
    "51053": (200, "The stop loss trigger price must be higher than the best bid price"),
    "51065": (200, "algoClOrdId already exists."),
    "51068": (200, "{0} already exists within algoClOrdId and attachAlgoClOrdId."),
    "51076": (200, "TP/SL orders in Split TPs only support one-way TP/SL."),
    "51077": (200, "Setting multiple TP and cost-price SL orders isn’t supported for spot and margin trading."),
    "51082": (200, "TP trigger prices (tpOrdPx) in one order with multiple TPs must be market prices."),
    "51083": (
        200,
        "The total size of TP orders with Split TPs attached in a same order should equal the size of this order",
    ),
    "51089": (200, "The size of the TP order among split TPs attached cannot be empty"),
    "51100": (200, "Unable to place order. Take profit/Stop loss conditions cannot be added to reduce-only orders."),
    "51111": (200, "Maximum {0} orders can be placed in bulk."),
    "51112": (200, "Close order size exceeds available size for this position."),
    "51121": (200, "Order quantity must be a multiple of the lot size."),
    "51137": (200, "The highest price limit for buy orders is {0}."),
    "51138": (200, "The lowest price limit for sell orders is {0}."),
    "51150": (200, "The precision of the number of trades or the price exceeds the limit."),
    "51169": (
        200,
        "Order failed because you don't have any positions in this direction for this contract to reduce or close.",
    ),
    "51170": (
        200,
        "Failed to place order. A reduce-only order can’t be the same trading direction as your existing positions.",
    ),
    "51201": (200, "Value of per market order cannot exceed {0} USDT."),
    "51202": (200, "Market order amount exceeds the maximum amount."),
    "51204": (200, "The price for the limit order cannot be empty."),
    "51205": (200, "Reduce Only is not available."),
    "51258": (200, "The trigger price of a sell order must be higher than the last transaction price."),
    "51259": (200, "The trigger price of a buy order must be lower than the last transaction price."),
    "51277": (200, "TP trigger price cannot be higher than the last price."),
    "51278": (200, "SL trigger price cannot be lower than the last price."),
    "51279": (200, "TP trigger price cannot be lower than the last price."),
    "51280": (200, "SL trigger price cannot be higher than the last price."),
    "51281": (200, "Trigger order do not support the tgtCcy parameter."),
    "51311": (200, "Failed to place trailing stop order. Callback rate should be within {0}<x<={1}"),
    "51333": (200, "Close position order in hedge-mode or reduce-only order in one-way mode cannot attach TPSL"),
    "51400": (200, "Order cancellation failed as the order has been filled, canceled or does not exist."),
    "51603": (200, "Order does not exist"),
    "59000": (200, "Setting failed. Cancel any open orders, close positions, and stop trading bots first."),
    "59102": (200, "Leverage exceeds the maximum limit. Please lower the leverage."),
}
# These refuse the request as a whole, whatever item raised them.
WHOLE = frozenset({"50002", "50011", "50014", "50015", "50016", "50025"})


class Refusal(Exception):
    """A code of OKX's with its text; whether it is the request's or an item's is the endpoint's business."""

    def __init__(self, code: str, *parameters: object) -> None:
        self.code = code
        self.status, text = TEXTS[code]
        wanted = text.count("{")
        self.message = text.format(*parameters, *[""] * (wanted - len(parameters)))
        super().__init__(f"{code} {self.message}")


def answer(data: list[Any]) -> dict[str, Any]:
    return {"code": "0", "msg": "", "data": data}


def refusal(error: Refusal) -> dict[str, Any]:
    return {"code": error.code, "msg": error.message, "data": []}


def text(value: Decimal | None) -> str:
    """As OKX writes amounts: at most 16 places (what is divided has more); nothing is an empty text."""
    if value is None:
        return ""
    places = value.as_tuple().exponent
    assert isinstance(places, int)
    return money.plain(value if places >= -16 else value.quantize(FINEST, "ROUND_DOWN")) or "0"


def millis(at: float | None) -> str:
    return "" if at is None else str(int(at * 1000))
