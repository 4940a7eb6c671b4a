"""Orders, and the body that OKX documents for each."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from accounts.brokers.base import AttachedExit, Cause, TimeInForce
from accounts.brokers.okx.attached import exit_id
from tradeops.core.money import OrderType, Side

from .support import FUTURE, ID, SWAP

BUY, SELL = Side.BUY, Side.SELL
LIMIT, STOP, STOP_LIMIT, TRAILING = OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP
D = Decimal


def stop_loss(trigger: str, **facts: Any) -> AttachedExit:
    return AttachedExit(kind=Cause.STOP_LOSS, trigger=D(trigger), **facts)


def take_profit(trigger: str, **facts: Any) -> AttachedExit:
    return AttachedExit(kind=Cause.TAKE_PROFIT, trigger=D(trigger), **facts)


def case(name: str, given: dict[str, Any], expected: dict[str, Any], **account: Any) -> Any:
    """`account`: hedge, margin_mode, holds (what is bought or sold first: side, contracts, posSide)."""
    return pytest.param(given, expected, account, id=name)


def spot(**fields: Any) -> dict[str, Any]:
    return {"instId": "BTC-USDT", "tdMode": "cash", "clOrdId": ID, **fields}


def swap(**fields: Any) -> dict[str, Any]:
    return {"instId": "BTC-USDT-SWAP", "tdMode": "cross", "clOrdId": ID, **fields}


HEDGE = {"hedge": True}
LONG = {"holds": ("buy", "5", "")}
SHORT = {"holds": ("sell", "5", "")}
HEDGE_LONG = {"hedge": True, "holds": ("buy", "5", "long")}
HEDGE_SHORT = {"hedge": True, "holds": ("sell", "5", "short")}

ORDERS = [
    # Spot: «tgtCcy» always on market orders, never on others; sz in coins; no posSide, no reduceOnly.
    case(
        "spot market buy by base", {"quantity": "0.01"},
        spot(side="buy", ordType="market", sz="0.01", tgtCcy="base_ccy"),
    ),
    case(
        "spot market buy by quote", {"quantity": "0.01", "quote_amount": D("500.50")},
        spot(side="buy", ordType="market", sz="500.5", tgtCcy="quote_ccy"),
    ),
    case("spot market sell", {"side": SELL}, spot(side="sell", ordType="market", sz="0.01", tgtCcy="base_ccy")),
    case(
        "spot close sells no more than is free", {"side": SELL, "quantity": "5", "closes": True},
        spot(side="sell", ordType="market", sz="1", tgtCcy="base_ccy"),
    ),
    case(
        "spot size rounded down to the lot", {"quantity": "0.0123456789"},
        spot(side="buy", ordType="market", sz="0.01234567", tgtCcy="base_ccy"),
    ),
    case(
        "spot limit buy", {"type": LIMIT, "price": D("49000.5")},
        spot(side="buy", ordType="limit", sz="0.01", px="49000.5"),
    ),
    case(
        "spot limit sell", {"side": SELL, "type": LIMIT, "price": D("51000")},
        spot(side="sell", ordType="limit", sz="0.01", px="51000"),
    ),
    case(
        "spot limit close", {"side": SELL, "type": LIMIT, "price": D("51000"), "closes": True},
        spot(side="sell", ordType="limit", sz="0.01", px="51000"),
    ),
    case(
        "spot post-only", {"type": LIMIT, "price": D("49000"), "post_only": True},
        spot(side="buy", ordType="post_only", sz="0.01", px="49000"),
    ),
    case(
        "spot immediate or cancel", {"type": LIMIT, "price": D("50100"), "time_in_force": TimeInForce.IOC},
        spot(side="buy", ordType="ioc", sz="0.01", px="50100"),
    ),
    case(
        "spot fill or kill", {"type": LIMIT, "price": D("50100"), "time_in_force": TimeInForce.FOK},
        spot(side="buy", ordType="fok", sz="0.01", px="50100"),
    ),
    case(
        "spot with a stop loss", {"attached": (stop_loss("49000"),)},
        spot(
            side="buy", ordType="market", sz="0.01", tgtCcy="base_ccy",
            attachAlgoOrds=[{
                "attachAlgoClOrdId": exit_id(ID, "s", 0),
                "slTriggerPx": "49000", "slTriggerPxType": "last", "slOrdPx": "-1",
            }],
        ),
    ),
    case(
        "spot limit with stop loss and take profit",
        {"type": LIMIT, "price": D("49900"), "attached": (stop_loss("49000", limit=D("48990")), take_profit("52000"))},
        spot(
            side="buy", ordType="limit", sz="0.01", px="49900",
            attachAlgoOrds=[{
                "attachAlgoClOrdId": exit_id(ID, "b", 0),
                "slTriggerPx": "49000", "slTriggerPxType": "last", "slOrdPx": "48990",
                "tpTriggerPx": "52000", "tpTriggerPxType": "last", "tpOrdPx": "-1",
            }],
        ),
    ),
    # Swap, one-way: contracts of 0.01 BTC, no posSide, reduceOnly on what closes.
    case("swap buy cross", {"symbol": SWAP}, swap(side="buy", ordType="market", sz="1")),
    case(
        "swap short cross", {"symbol": SWAP, "side": SELL, "position_side": "short"},
        swap(side="sell", ordType="market", sz="1"),
    ),
    case(
        "swap isolated by the account", {"symbol": SWAP},
        swap(side="buy", ordType="market", sz="1", tdMode="isolated"), margin_mode="isolated",
    ),
    case(
        "swap isolated by the order", {"symbol": SWAP, "margin_mode": "isolated"},
        swap(side="buy", ordType="market", sz="1", tdMode="isolated"),
    ),
    case(
        "swap contracts rounded down", {"symbol": SWAP, "quantity": "0.012399"},
        swap(side="buy", ordType="market", sz="1.23"),
    ),
    case(
        "swap limit", {"symbol": SWAP, "type": LIMIT, "price": D("49000.1")},
        swap(side="buy", ordType="limit", sz="1", px="49000.1"),
    ),
    case(
        "swap post-only short",
        {"symbol": SWAP, "side": SELL, "position_side": "short", "type": LIMIT, "price": D("51000"), "post_only": True},
        swap(side="sell", ordType="post_only", sz="1", px="51000"),
    ),
    case(
        "swap immediate or cancel",
        {"symbol": SWAP, "type": LIMIT, "price": D("50100"), "time_in_force": TimeInForce.IOC},
        swap(side="buy", ordType="ioc", sz="1", px="50100"),
    ),
    case(
        "swap fill or kill", {"symbol": SWAP, "type": LIMIT, "price": D("50100"), "time_in_force": TimeInForce.FOK},
        swap(side="buy", ordType="fok", sz="1", px="50100"),
    ),
    case(
        "swap close long", {"symbol": SWAP, "side": SELL, "closes": True},
        swap(side="sell", ordType="market", sz="1", reduceOnly=True), **LONG,
    ),
    case(
        "swap close short", {"symbol": SWAP, "side": BUY, "closes": True, "position_side": "short"},
        swap(side="buy", ordType="market", sz="1", reduceOnly=True), **SHORT,
    ),
    case(
        "swap take profit as a reduce-only limit",
        {"symbol": SWAP, "side": SELL, "closes": True, "type": LIMIT, "price": D("52000")},
        swap(side="sell", ordType="limit", sz="1", px="52000", reduceOnly=True), **LONG,
    ),
    case(
        "swap post-only close",
        {"symbol": SWAP, "side": SELL, "closes": True, "type": LIMIT, "price": D("52000"), "post_only": True},
        swap(side="sell", ordType="post_only", sz="1", px="52000", reduceOnly=True), **LONG,
    ),
    case(
        "swap with a stop loss", {"symbol": SWAP, "attached": (stop_loss("49000"),)},
        swap(
            side="buy", ordType="market", sz="1",
            attachAlgoOrds=[{
                "attachAlgoClOrdId": exit_id(ID, "s", 0),
                "slTriggerPx": "49000", "slTriggerPxType": "last", "slOrdPx": "-1",
            }],
        ),
    ),
    case(
        "swap short with stop loss and take profit",
        {
            "symbol": SWAP, "side": SELL, "position_side": "short",
            "attached": (stop_loss("51000"), take_profit("48000", limit=D("48010"))),
        },
        swap(
            side="sell", ordType="market", sz="1",
            attachAlgoOrds=[{
                "attachAlgoClOrdId": exit_id(ID, "b", 0),
                "slTriggerPx": "51000", "slTriggerPxType": "last", "slOrdPx": "-1",
                "tpTriggerPx": "48000", "tpTriggerPxType": "last", "tpOrdPx": "48010",
            }],
        ),
    ),
    case(
        "swap with three take profits and a stop loss",
        {
            "symbol": SWAP, "quantity": "0.1",
            "attached": (
                take_profit("51000", share=D("0.333")), take_profit("52000", share=D("0.333")),
                take_profit("53000", share=D("0.334")), stop_loss("49000"),
            ),
        },
        swap(
            side="buy", ordType="market", sz="10",
            attachAlgoOrds=[
                {"attachAlgoClOrdId": exit_id(ID, "t", 0), "tpTriggerPx": "51000", "tpTriggerPxType": "last",
                 "tpOrdPx": "-1", "sz": "3.33"},
                {"attachAlgoClOrdId": exit_id(ID, "t", 1), "tpTriggerPx": "52000", "tpTriggerPxType": "last",
                 "tpOrdPx": "-1", "sz": "3.33"},
                {"attachAlgoClOrdId": exit_id(ID, "t", 2), "tpTriggerPx": "53000", "tpTriggerPxType": "last",
                 "tpOrdPx": "-1", "sz": "3.34"},
                {"attachAlgoClOrdId": exit_id(ID, "s", 3), "slTriggerPx": "49000", "slTriggerPxType": "last",
                 "slOrdPx": "-1"},
            ],
        ),
    ),
    # Swap, hedge: posSide always, reduceOnly never; a close is on the opposite side of its posSide.
    case(
        "hedge open long", {"symbol": SWAP}, swap(side="buy", ordType="market", sz="1", posSide="long"), **HEDGE,
    ),
    case(
        "hedge open short", {"symbol": SWAP, "side": SELL, "position_side": "short"},
        swap(side="sell", ordType="market", sz="1", posSide="short"), **HEDGE,
    ),
    case(
        "hedge close long", {"symbol": SWAP, "side": SELL, "closes": True},
        swap(side="sell", ordType="market", sz="1", posSide="long"), **HEDGE_LONG,
    ),
    case(
        "hedge close short", {"symbol": SWAP, "closes": True, "position_side": "short"},
        swap(side="buy", ordType="market", sz="1", posSide="short"), **HEDGE_SHORT,
    ),
    case(
        "hedge limit close", {"symbol": SWAP, "side": SELL, "closes": True, "type": LIMIT, "price": D("52000")},
        swap(side="sell", ordType="limit", sz="1", px="52000", posSide="long"), **HEDGE_LONG,
    ),
    case(
        "hedge isolated", {"symbol": SWAP},
        swap(side="buy", ordType="market", sz="1", posSide="long", tdMode="isolated"),
        hedge=True, margin_mode="isolated",
    ),
    case(
        "hedge with a stop loss", {"symbol": SWAP, "attached": (stop_loss("49000"),)},
        swap(
            side="buy", ordType="market", sz="1", posSide="long",
            attachAlgoOrds=[{
                "attachAlgoClOrdId": exit_id(ID, "s", 0),
                "slTriggerPx": "49000", "slTriggerPxType": "last", "slOrdPx": "-1",
            }],
        ), **HEDGE,
    ),
    # Futures.
    case(
        "futures market", {"symbol": FUTURE}, swap(instId="BTC-USDT-351228", side="buy", ordType="market", sz="1"),
    ),
    case(
        "futures limit short",
        {"symbol": FUTURE, "side": SELL, "position_side": "short", "type": LIMIT, "price": D("50500")},
        swap(instId="BTC-USDT-351228", side="sell", ordType="limit", sz="1", px="50500"),
    ),
    case(
        "futures hedge", {"symbol": FUTURE},
        swap(instId="BTC-USDT-351228", side="buy", ordType="market", sz="1", posSide="long"), **HEDGE,
    ),
]  # fmt: skip
