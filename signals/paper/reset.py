"""Starting a paper account afresh, or with more money (X10). What has happened stays in its ledgers."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.models import Account
from signals.models import Order, PaperBalance, PaperMove, PaperOrder, PaperPosition, Position
from tradeops.core import money
from tradeops.core.errors import Conflict, Refused
from tradeops.core.money import ZERO, plain


def to_start(account: Account, *, now: datetime, by: str) -> None:
    """The initial balances again. Raises Conflict while a strategy holds something there or an order is under way."""
    _only_paper(account)
    with transaction.atomic():
        Account.objects.select_for_update(of=("self",)).get(pk=account.pk)
        _at_rest(account)
        opening = {currency: money.exact(amount) for currency, amount in account.initial_balances.items()}
        present = {row.currency: row.amount for row in PaperBalance.objects.filter(account=account)}
        for currency in sorted(opening.keys() | present.keys()):
            wanted = opening.get(currency, ZERO)
            _put(account, currency, wanted, wanted - present.get(currency, wanted), PaperMove.Cause.RESET, now, by)


def deposit(account: Account, *, currency: str, amount: Decimal, now: datetime, by: str) -> None:
    """Puts money in, or takes it out where `amount` is below zero. Raises Refused for more than is there."""
    _only_paper(account)
    with transaction.atomic():
        Account.objects.select_for_update(of=("self",)).get(pk=account.pk)
        row = PaperBalance.objects.filter(account=account, currency=currency).first()
        present = row.amount if row else money.exact(account.initial_balances.get(currency, "0"))
        free = present - (row.held if row else ZERO)
        if free + amount < 0:
            raise Refused(f"only {plain(free)} {currency} is free")
        _put(account, currency, present + amount, amount, PaperMove.Cause.DEPOSIT, now, by)


def _only_paper(account: Account) -> None:
    if not account.is_paper:
        raise Refused(f"{account.slug} is not a paper account")


def _at_rest(account: Account) -> None:
    holds = Position.objects.filter(account=account, is_open=True).exists()
    holds = holds or any(row.quantity for row in PaperPosition.objects.filter(account=account))
    rests = PaperOrder.objects.filter(account=account, status__in=["OPEN", "PARTIALLY_FILLED"]).exists()
    under_way = [status for status in Order.Status if status not in _ENDED]
    if holds or rests or Order.objects.filter(account=account, status__in=under_way).exists():
        raise Conflict(f"{account.slug} has open positions or orders: flatten it first")


_ENDED = frozenset({Order.Status.FILLED, Order.Status.CANCELED, Order.Status.REJECTED, Order.Status.EXPIRED})


def _put(
    account: Account, currency: str, total: Decimal, change: Decimal, cause: PaperMove.Cause, now: datetime, by: str
) -> None:
    PaperBalance.objects.update_or_create(account=account, currency=currency, defaults={"amount": total})
    if change:
        PaperMove.objects.create(
            account=account, cause=cause, currency=currency, amount=change, at=now, note=f"by {by}"[:200]
        )
