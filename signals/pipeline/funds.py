"""What an account is worth and has free, where a size is a share of it (S6). Outside of transactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from accounts.brokers.base import Balance, BrokerError
from accounts.models import Account
from signals.models import AccountEquity
from signals.strategies.sizing import Funds
from tradeops.core import rows

# The equity is read each half minute; after so many of them nobody knows it any more.
EQUITY_IS_OLD = timedelta(minutes=5)


def read(account: Account, balances: Callable[[], Mapping[str, Balance]], *, now: datetime) -> Funds:
    """The equity as it was read last. Without a fresh one, what the account has of its own currency: never more."""
    try:
        balance = balances().get(account.currency)
    except BrokerError as error:
        return Funds(currency=account.currency, equity=_equity(account, now=now), problem=str(error))
    return stored(account, balance, now=now)


def stored(account: Account, balance: Balance | None, *, now: datetime) -> Funds:
    """`balance` is what the account has of its own currency; None = it was never read, or there is none of it."""
    equity = _equity(account, now=now)
    return Funds(
        currency=account.currency,
        equity=equity if equity is not None else balance.total if balance else None,
        available=balance.free if balance else None,
        problem="" if balance else f"the account has no {account.currency}",
    )


def _equity(account: Account, *, now: datetime) -> Decimal | None:
    found = rows.select(AccountEquity, "equity", "at", where="account_id = %s", params=[account.pk])
    return next((equity for equity, at in found if now - at <= EQUITY_IS_OLD), None)
