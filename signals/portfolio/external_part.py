"""The part of an account's positions that belongs to no strategy (P1), as trades change it.

What it was in the beginning is found by comparing with the venue; before that nothing is counted.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from signals.models import ExternalPosition, ReconciliationCursor
from tradeops.core.money import ZERO


def add(*, account: int, symbol: str, side: str, change: Decimal, at: datetime) -> None:
    """In the transaction that records the trade. `side` is empty where long and short are one; `change` is signed base
    units. On spot `symbol` is the currency."""
    mine = ExternalPosition.objects.select_for_update().filter(account=account, symbol=symbol, side=side)
    row = mine.first() or ExternalPosition(account_id=account, symbol=symbol, side=side, quantity=ZERO)
    row.quantity, row.updated_at = row.quantity + change, at
    row.save()


def has_begun(*, account: int, symbol: str) -> bool:
    """Of contracts: whether what is external of this one, if anything, is known."""
    return (
        ExternalPosition.objects.filter(account=account, symbol=symbol).exists()
        or ReconciliationCursor.objects.filter(account=account, baseline_at__isnull=False).exists()
    )
