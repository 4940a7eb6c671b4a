"""What happened, append-only and in order: the truth that tests compare the portal's rows with."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from .books import Order, Trade
from .wire import text


class Ledger:
    """Entries are flat dicts with `n` (1, 2 …), `what` and `at` (seconds); amounts are text, in base units.

    `what`: order (accepted), trade, end (filled or canceled), refused, set, hand. With `file` each is a JSON line too.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._entries: list[dict[str, Any]] = []
        self._file: TextIO | None = file.open("a", encoding="utf-8") if file else None

    def since(self, number: int = 0) -> list[dict[str, Any]]:
        return self._entries[number:]

    def add(self, what: str, at: float, **facts: Any) -> None:
        entry = {"n": len(self._entries) + 1, "what": what, "at": round(at, 6), **facts}
        self._entries.append(entry)
        if self._file is not None:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()

    def order(self, account: str, order: Order, at: float) -> None:
        listing = order.listing
        in_quote = order.target_currency == "quote_ccy"
        self.add(
            "order", at, account=account, ordId=order.order_id, clOrdId=order.client_id, instId=listing.inst_id,
            side=order.side, posSide=order.pos_side, tdMode=order.mode, ordType=order.type, sz=text(order.size),
            quantity=text(order.target * listing.contract), px=text(order.price), inQuote=in_quote,
            reduceOnly=order.reduce_only, algoId=order.algo_id, category=order.category,
            visible_at=round(order.visible, 6), fault=order.fault,
        )  # fmt: skip

    def trade(self, account: str, trade: Trade) -> None:
        order, listing = trade.order, trade.order.listing
        self.add(
            "trade", trade.at, account=account, ordId=order.order_id, clOrdId=order.client_id, tradeId=trade.trade_id,
            instId=listing.inst_id, side=order.side, posSide=order.pos_side, sz=text(trade.size),
            quantity=text(trade.size * listing.contract), px=text(trade.price), fee=text(-trade.fee),
            feeCcy=trade.fee_currency, maker=trade.maker, category=order.category,
            visible_at=round(trade.visible, 6),
        )  # fmt: skip

    def end(self, account: str, order: Order, at: float) -> None:
        filled: Decimal = order.filled * order.listing.contract
        self.add(
            "end", at, account=account, ordId=order.order_id, clOrdId=order.client_id, state=order.state,
            filled=text(filled),
        )  # fmt: skip

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
