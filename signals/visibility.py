"""What of each ledger belongs to a set of accounts (E2). `accounts=None` means that nothing is held back.

Conditions are EXISTS, never joins: a signal for five accounts is one row.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Account, AccountGroupMember
from relay import visibility as relay

from .models import BridgeReport, Decision, Fill, Order, Position, RoundTrip, Signal, Strategy, WorkItem

Accounts = QuerySet[Account] | None


def strategies(accounts: Accounts) -> QuerySet[Strategy]:
    """Those that trade on one of the accounts, by itself or in a group."""
    found = Strategy.objects.all()
    if accounts is None:
        return found
    members = Strategy.accounts.through.objects.filter(strategy=OuterRef("pk"), account__in=accounts.values("pk"))
    grouped = AccountGroupMember.objects.filter(group__strategies=OuterRef("pk"), account__in=accounts.values("pk"))
    return found.filter(Exists(members) | Exists(grouped))


def signals(accounts: Accounts) -> QuerySet[Signal]:
    """Those routed to such a strategy, or decided for one of the accounts when the strategy still had it."""
    found = Signal.objects.all()
    if accounts is None:
        return found
    routed = WorkItem.objects.filter(signal=OuterRef("pk"), strategy__in=strategies(accounts).values("pk"))
    decided = Decision.objects.filter(signal=OuterRef("pk"), account__in=accounts.values("pk"))
    return found.filter(Exists(routed) | Exists(decided))


def decisions(accounts: Accounts) -> QuerySet[Decision]:
    """Those for the accounts, and those for the endpoints of a strategy that trades on them."""
    found = Decision.objects.all()
    if accounts is None:
        return found
    for_endpoints = Q(endpoint__isnull=False, strategy__in=strategies(accounts).values("pk"))
    return found.filter(Q(account__in=accounts.values("pk")) | for_endpoints)


def orders(accounts: Accounts) -> QuerySet[Order]:
    found = Order.objects.all()
    return found if accounts is None else found.filter(account__in=accounts.values("pk"))


def fills(accounts: Accounts) -> QuerySet[Fill]:
    found = Fill.objects.all()
    return found if accounts is None else found.filter(account__in=accounts.values("pk"))


def trades(accounts: Accounts) -> QuerySet[RoundTrip]:
    found = RoundTrip.objects.all()
    return found if accounts is None else found.filter(account__in=accounts.values("pk"))


def positions(accounts: Accounts) -> QuerySet[Position]:
    found = Position.objects.all()
    return found if accounts is None else found.filter(account__in=accounts.values("pk"))


def reports(accounts: Accounts) -> QuerySet[BridgeReport]:
    """Those of orders on the accounts, and those of relayed signals by an endpoint of such a strategy."""
    found = BridgeReport.objects.all()
    if accounts is None:
        return found
    relayed = Q(
        order__isnull=True,
        signal__in=signals(accounts).values("pk"),
        endpoint__in=relay.endpoints(accounts).values("pk"),
    )
    return found.filter(Q(order__account__in=accounts.values("pk")) | relayed)
