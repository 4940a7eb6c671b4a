"""Venue codes that ccxt's exceptions lump together, by exchange.

Binance: Spot "Error Codes" and USDⓈ-M "Error Code" pages. OKX: v5, "Error Code". Bybit: v5, "Error Codes".
"""

from __future__ import annotations

from accounts.brokers.base import Rejection

BINANCE = {
    "-1002": Rejection.BAD_KEY,
    "-1022": Rejection.BAD_KEY,
    "-1021": Rejection.CLOCK,
    "-1111": Rejection.BAD_PRICE,
    "-1121": Rejection.UNKNOWN_INSTRUMENT,
    "-2008": Rejection.BAD_KEY,
    "-2014": Rejection.BAD_KEY,
    "-2015": Rejection.BAD_KEY,
    "-2018": Rejection.INSUFFICIENT_FUNDS,
    "-2019": Rejection.INSUFFICIENT_FUNDS,
    "-2021": Rejection.BAD_PRICE,
    "-2022": Rejection.NOTHING_TO_REDUCE,
    "-2027": Rejection.ABOVE_MAXIMUM,
    "-4003": Rejection.BELOW_MINIMUM,
    "-4005": Rejection.ABOVE_MAXIMUM,
    "-4014": Rejection.BAD_PRICE,
    "-4024": Rejection.BAD_PRICE,
    "-4061": Rejection.POSITION_MODE,
    "-4116": Rejection.DUPLICATE_ID,
    "-4131": Rejection.BAD_PRICE,
    "-4164": Rejection.BELOW_MINIMUM,
    "-5022": Rejection.WOULD_TAKE,
}
BINANCE_TEMPORARY = frozenset({"-1008", "-1016"})
BINANCE_LIMITED = frozenset({"-1003", "-1015"})
BINANCE_UNKNOWN = frozenset({"-1000", "-1001", "-1006", "-1007"})

OKX = {
    "50102": Rejection.CLOCK,
    "50103": Rejection.BAD_KEY,
    "50105": Rejection.BAD_PASSPHRASE,
    "50110": Rejection.ADDRESS_REFUSED,
    "50111": Rejection.BAD_KEY,
    "50112": Rejection.CLOCK,
    "50113": Rejection.BAD_KEY,
    "50119": Rejection.BAD_KEY,
    "50101": Rejection.BAD_KEY,
    "50120": Rejection.NO_PERMISSION,
    "51000": Rejection.REJECTED,
    "51001": Rejection.UNKNOWN_INSTRUMENT,
    "51006": Rejection.BAD_PRICE,
    "51008": Rejection.INSUFFICIENT_FUNDS,
    "51010": Rejection.POSITION_MODE,
    "51016": Rejection.DUPLICATE_ID,
    "51020": Rejection.BELOW_MINIMUM,
    "51119": Rejection.INSUFFICIENT_FUNDS,
    "51121": Rejection.BELOW_MINIMUM,
    "51127": Rejection.INSUFFICIENT_FUNDS,
    "51131": Rejection.INSUFFICIENT_FUNDS,
    "51169": Rejection.NOTHING_TO_REDUCE,
    "51170": Rejection.NOTHING_TO_REDUCE,
    "51202": Rejection.ABOVE_MAXIMUM,
}
OKX_TEMPORARY = frozenset({"50001", "50005", "50013", "50026"})
OKX_LIMITED = frozenset({"50011", "50061"})
OKX_UNKNOWN = frozenset({"50004"})

BYBIT = {
    "10002": Rejection.CLOCK,
    "10003": Rejection.BAD_KEY,
    "10004": Rejection.BAD_KEY,
    "10005": Rejection.NO_PERMISSION,
    "10010": Rejection.ADDRESS_REFUSED,
    "110001": Rejection.REJECTED,
    "110003": Rejection.BAD_PRICE,
    "110004": Rejection.INSUFFICIENT_FUNDS,
    "110007": Rejection.INSUFFICIENT_FUNDS,
    "110012": Rejection.INSUFFICIENT_FUNDS,
    "110017": Rejection.NOTHING_TO_REDUCE,
    "110025": Rejection.POSITION_MODE,
    "110072": Rejection.DUPLICATE_ID,
    "110094": Rejection.BELOW_MINIMUM,
    "170124": Rejection.ABOVE_MAXIMUM,
    "170131": Rejection.INSUFFICIENT_FUNDS,
    "170136": Rejection.BELOW_MINIMUM,
    "170140": Rejection.BELOW_MINIMUM,
    "170141": Rejection.DUPLICATE_ID,
}
# Before the book: too many requests, or new orders.
BYBIT_LIMITED = frozenset({"10006", "10018", "10429", "170005", "170222"})
# Server time-outs and errors, "submitted to the system for processing", "create order failed": none says what became
# of the order.
BYBIT_UNKNOWN = frozenset(
    {"429", "5004", "10000", "10016", "170001", "170007", "170032", "170035", "170146", "170149", "170234"}
)
