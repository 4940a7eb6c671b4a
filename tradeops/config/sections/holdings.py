"""What keeps a strategy or an account from being retired."""

from __future__ import annotations

from accounts.models import Account
from signals.models import Order, Position, Strategy
from signals.models.risk import Scope
from signals.risk import switch
from tradeops.core.errors import ConfigurationError

_UNSETTLED = ("PENDING", "SUBMITTED", "OPEN", "PARTIALLY_FILLED", "UNKNOWN")


def check_flat(owner: Account | Strategy) -> None:
    """Raises ConfigurationError while positions or orders of the strategy or account are open.

    Takes the lock under which entries are decided, so that none appears between this look and the commit.
    """
    kind = Scope.ACCOUNT if isinstance(owner, Account) else Scope.STRATEGY
    strategies, accounts = ([], [owner.slug]) if kind is Scope.ACCOUNT else ([owner.slug], [])
    switch.lock(strategies=strategies, accounts=accounts)
    positions = Position.objects.filter(**{kind.value: owner}, is_open=True)
    orders = Order.objects.filter(**{kind.value: owner}, status__in=_UNSETTLED)
    symbols = sorted({*positions.values_list("symbol", flat=True), *orders.values_list("symbol", flat=True)})
    if symbols:
        raise ConfigurationError(
            f"{kind.value} {owner.slug!r} has open positions or orders ({', '.join(symbols)}) and cannot be retired; "
            "close them first"
        )
