"""What is open, and what it is worth by its last mark. Amounts in the quote currency of each symbol."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from signals import visibility
from signals.models import Position
from tradeops.core import money
from tradeops.core.money import EXACT

from .reach import Accounts


@dataclass(frozen=True)
class Held:
    position: Position
    currency: str
    unrealised: Decimal | None  # None: it has no mark yet


def held(*, accounts: Accounts, words: list[str] | None = None) -> list[Held]:
    """Every open position of `accounts`; with `words`, those whose strategy, account or symbol is one of them."""
    rows = visibility.positions(accounts).filter(is_open=True).select_related("strategy", "account")
    wanted = {word.lower() for word in words or ()}
    return [
        Held(row, currency(row.symbol), unrealised(row))
        for row in rows.order_by("account__slug", "symbol", "strategy__slug", "side")
        if not wanted or wanted & {row.strategy.slug.lower(), row.account.slug.lower(), row.symbol.lower()}
    ]


def currency(symbol: str) -> str:
    """What profit on a symbol is counted in: BTC/USDT → USDT, BTC/USDT:USDT → USDT, AAPL → empty."""
    return symbol.partition("/")[2].partition(":")[0]


def unrealised(row: Position) -> Decimal | None:
    if row.mark_price is None or row.average_price is None:
        return None
    direction = 1 if row.side == Position.Side.LONG else -1
    return money.kept(EXACT.multiply((row.mark_price - row.average_price) * direction, row.quantity))
