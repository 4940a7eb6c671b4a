"""Orders to Alpaca, with what matters to a test."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from accounts.brokers.base import AttachedExit, Cause, OrderRequest
from tradeops.core import clock
from tradeops.core.money import OrderType, Side


def client_id(number: int = 0) -> str:
    return "tradeopstradeopstradeopstradeop" + "abcdefgh"[number]


def order(number: int = 0, **changes: Any) -> OrderRequest:
    facts: dict[str, Any] = {
        "client_order_id": client_id(number), "symbol": "AAPL", "market": "spot", "side": Side.BUY,
        "type": OrderType.MARKET, "quantity": Decimal(10), "closes": False,
        "send_expires_at": clock.now() + timedelta(seconds=5),
    }  # fmt: skip
    return OrderRequest(**{**facts, **changes})


def exits(*kinds: Cause, share: str = "1") -> tuple[AttachedExit, ...]:
    triggers = {Cause.STOP_LOSS: Decimal(180), Cause.TAKE_PROFIT: Decimal(220)}
    return tuple(AttachedExit(kind=kind, trigger=triggers[kind], share=Decimal(share)) for kind in kinds)
