"""What is held is worth what the market says: the refresher of `Position.mark_price` (P1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction

from signals.models import Position
from tradeops.core import rows

from .quotes import Quotes

EACH = timedelta(seconds=30)
# The mark of one with exits is looked for each second, and written when it moved, or as seldom as this.
UNMOVED = timedelta(seconds=10)

# Positions whose mark is old; of those priced by messages there is no newer one to be had.
DUE = """
SELECT position.account_id FROM signals_position position
JOIN signals_strategy strategy ON strategy.id = position.strategy_id
JOIN accounts_account account ON account.id = position.account_id
WHERE position.is_open AND (position.marked_at IS NULL OR position.marked_at <= %s)
AND COALESCE(NULLIF(strategy.prices, ''), account.prices) <> 'message' AND account.retired_at IS NULL
"""


def refresh(positions: Iterable[Position], quotes: Quotes, *, watched: Collection[int], now: datetime) -> int:
    """Writes the marks that have changed, in one transaction; returns how many. Uses the network before it.

    `watched`: keys of positions with exits. The price is the middle of bid and ask, `last` where it lies between them.
    """
    found: dict[tuple[Decimal, datetime], list[int]] = {}
    for position in positions:
        is_old = position.marked_at is None or now - position.marked_at >= EACH
        if not is_old and position.pk not in watched:
            continue
        quote = quotes.of(position)
        if quote is None or (position.marked_at is not None and quote.at <= position.marked_at):
            continue
        price = quote.last if quote.bid <= quote.last <= quote.ask else (quote.bid + quote.ask) / 2
        unmoved = price == position.mark_price and position.marked_at is not None
        if unmoved and quote.at - (position.marked_at or now) < UNMOVED:
            continue
        found.setdefault((price, quote.at), []).append(position.pk)
    if found:
        with transaction.atomic():
            for (price, at), keys in found.items():
                rows.update_all(Position, sorted(keys), mark_price=price, marked_at=at)
    return sum(map(len, found.values()))
