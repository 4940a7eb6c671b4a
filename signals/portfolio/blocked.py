"""Symbols on which a trade made by hand waits for a person's look: no entries until then (P1)."""

from __future__ import annotations

from collections.abc import Collection

from signals.models import SymbolBlock
from tradeops.core import rows


def is_blocked(*, account: int, symbol: str) -> bool:
    """One look into an index that is almost always empty."""
    where = "account_id = %s AND symbol = %s AND lifted_at IS NULL"
    return bool(rows.select(SymbolBlock, "id", where=where, params=[account, symbol]))


def among(accounts: Collection[int]) -> set[tuple[int, str]]:
    """The blocked (account, symbol) of these accounts, by primary key."""
    found = rows.select(SymbolBlock, "account_id", "symbol", where="lifted_at IS NULL")
    return {(account, symbol) for account, symbol in found if account in accounts}
