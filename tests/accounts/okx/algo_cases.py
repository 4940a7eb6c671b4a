"""Orders that wait for a price, and the body that OKX documents for each at its algo endpoint."""

from __future__ import annotations

from typing import Any

from accounts.brokers.okx.attached import exit_id

from .order_cases import (
    HEDGE,
    HEDGE_LONG,
    HEDGE_SHORT,
    LONG,
    SELL,
    STOP,
    STOP_LIMIT,
    TRAILING,
    D,
    case,
    spot,
    stop_loss,
    swap,
)
from .support import ID, SWAP


def algo(body: dict[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in body.items() if name != "clOrdId"}
    return found | {"algoClOrdId": ID}


ALGOS = [
    case(
        "spot stop loss", {"side": SELL, "type": STOP, "stop_price": D("49000"), "closes": True},
        algo(spot(side="sell", ordType="conditional", sz="0.01", slTriggerPx="49000", slTriggerPxType="last",
                  slOrdPx="-1")),
    ),
    case(
        "spot stop buy", {"type": STOP, "stop_price": D("51000")},
        algo(spot(side="buy", ordType="conditional", sz="0.01", slTriggerPx="51000", slTriggerPxType="last",
                  slOrdPx="-1", tgtCcy="base_ccy")),
    ),
    case(
        "spot stop limit", {"type": STOP_LIMIT, "stop_price": D("51000"), "price": D("51010")},
        algo(spot(side="buy", ordType="conditional", sz="0.01", slTriggerPx="51000", slTriggerPxType="last",
                  slOrdPx="51010")),
    ),
    case(
        "spot trailing sell", {"side": SELL, "type": TRAILING, "trailing": D("0.015"), "closes": True},
        algo(spot(side="sell", ordType="move_order_stop", sz="0.01", callbackRatio="0.015")),
    ),
    case(
        "swap stop entry", {"symbol": SWAP, "type": STOP, "stop_price": D("51000")},
        algo(swap(side="buy", ordType="trigger", sz="1", triggerPx="51000", triggerPxType="last", orderPx="-1")),
    ),
    case(
        "swap stop-limit entry",
        {"symbol": SWAP, "type": STOP_LIMIT, "stop_price": D("51000"), "price": D("51010.1")},
        algo(swap(side="buy", ordType="trigger", sz="1", triggerPx="51000", triggerPxType="last",
                  orderPx="51010.1")),
    ),
    case(
        "swap stop loss", {"symbol": SWAP, "side": SELL, "type": STOP, "stop_price": D("49000"), "closes": True},
        algo(swap(side="sell", ordType="conditional", sz="1", slTriggerPx="49000", slTriggerPxType="last",
                  slOrdPx="-1", reduceOnly=True)), **LONG,
    ),
    case(
        "swap stop loss with a limit",
        {"symbol": SWAP, "side": SELL, "type": STOP_LIMIT, "stop_price": D("49000"), "price": D("48900"),
         "closes": True},
        algo(swap(side="sell", ordType="conditional", sz="1", slTriggerPx="49000", slTriggerPxType="last",
                  slOrdPx="48900", reduceOnly=True)), **LONG,
    ),
    case(
        "swap trailing stop",
        {"symbol": SWAP, "side": SELL, "type": TRAILING, "trailing": D("0.01"), "closes": True},
        algo(swap(side="sell", ordType="move_order_stop", sz="1", callbackRatio="0.01", reduceOnly=True)), **LONG,
    ),
    case(
        "swap trailing stop armed at a price",
        {"symbol": SWAP, "side": SELL, "type": TRAILING, "trailing": D("0.01"), "price": D("52000"), "closes": True},
        algo(swap(side="sell", ordType="move_order_stop", sz="1", callbackRatio="0.01", activePx="52000",
                  reduceOnly=True)), **LONG,
    ),
    case(
        "hedge stop loss of a short",
        {"symbol": SWAP, "type": STOP, "stop_price": D("51000"), "closes": True, "position_side": "short"},
        algo(swap(side="buy", ordType="conditional", sz="1", slTriggerPx="51000", slTriggerPxType="last",
                  slOrdPx="-1", posSide="short")), **HEDGE_SHORT,
    ),
    case(
        "hedge trailing stop",
        {"symbol": SWAP, "side": SELL, "type": TRAILING, "trailing": D("0.02"), "closes": True},
        algo(swap(side="sell", ordType="move_order_stop", sz="1", callbackRatio="0.02", posSide="long")),
        **HEDGE_LONG,
    ),
    case(
        "hedge stop entry", {"symbol": SWAP, "type": STOP, "stop_price": D("51000")},
        algo(swap(side="buy", ordType="trigger", sz="1", triggerPx="51000", triggerPxType="last", orderPx="-1",
                  posSide="long")), **HEDGE,
    ),
    case(
        "swap stop entry with a stop loss",
        {"symbol": SWAP, "type": STOP, "stop_price": D("51000"), "attached": (stop_loss("50000"),)},
        algo(swap(
            side="buy", ordType="trigger", sz="1", triggerPx="51000", triggerPxType="last", orderPx="-1",
            attachAlgoOrds=[{
                "attachAlgoClOrdId": exit_id(ID, "s", 0),
                "slTriggerPx": "50000", "slTriggerPxType": "last", "slOrdPx": "-1",
            }],
        )),
    ),
]  # fmt: skip
