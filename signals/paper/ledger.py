"""The paper venue's balances: opened from the account's initial ones, moved only by `settle`."""

from __future__ import annotations

from decimal import Decimal

from accounts.brokers.base import Access, Instrument
from accounts.models import Account
from signals.models import PaperBalance
from tradeops.core import money, rows
from tradeops.core.money import ZERO, Side

from .matching import Match


def balances(access: Access) -> dict[str, Decimal]:
    """Free amounts by currency; the initial ones as long as nothing has happened."""
    stored = dict(rows.select(PaperBalance, "currency", "amount", where="account_id = %s", params=[access.account_id]))
    opening = {currency: money.exact(amount) for currency, amount in access.initial_balances.items()}
    return {**opening, **stored}


def lock(access: Access) -> None:
    """One order at a time per account, in the caller's transaction: two never spend the same money."""
    rows.select(Account, "id", where="id = %s", params=[access.account_id], lock=True)


def settle(access: Access, *, instrument: Instrument, side: Side, found: Match, free: dict[str, Decimal]) -> None:
    """Moves base and quote for a matched order. The account must be locked, and `free` read under that lock."""
    sign = 1 if side is Side.BUY else -1
    after = {
        instrument.base: free.get(instrument.base, ZERO) + found.quantity * sign,
        instrument.quote: free.get(instrument.quote, ZERO) - found.cost * sign - found.fee,
    }
    PaperBalance.objects.bulk_create(
        [PaperBalance(account_id=access.account_id, currency=name, amount=amount) for name, amount in after.items()],
        update_conflicts=True,
        unique_fields=["account", "currency"],
        update_fields=["amount"],
    )
