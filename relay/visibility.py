"""What of the relay belongs to a set of accounts (E2): an endpoint through the strategies that send to it.

`strategies` is the reverse of the strategies' own relation; relay knows its name, and that they trade on accounts by
themselves and in groups.
`accounts=None` means that nothing is held back.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Account

from .models import Delivery, Endpoint, EndpointGroup, GroupMember, Message, Notification

Accounts = QuerySet[Account] | None


def _trades_on(ours: Any, strategies: str) -> Q:
    """That a strategy of the relation `strategies` trades on one of the accounts, by itself or in a group."""
    return Q(**{f"{strategies}__accounts__in": ours}) | Q(**{f"{strategies}__groups__accounts__in": ours})


def endpoints(accounts: Accounts) -> QuerySet[Endpoint]:
    """Those that get the messages of a strategy which trades on one of the accounts, by themselves or in a group."""
    found = Endpoint.objects.all()
    if accounts is None:
        return found
    ours = accounts.values("pk")
    alone = Endpoint.objects.filter(_trades_on(ours, "strategies"), pk=OuterRef("pk"))
    in_group = GroupMember.objects.filter(_trades_on(ours, "group__strategies"), endpoint=OuterRef("pk"))
    return found.filter(Exists(alone) | Exists(in_group))


def groups(accounts: Accounts) -> QuerySet[EndpointGroup]:
    """Those that a strategy which trades on one of the accounts sends to."""
    found = EndpointGroup.objects.all()
    if accounts is None:
        return found
    ours = EndpointGroup.objects.filter(_trades_on(accounts.values("pk"), "strategies"), pk=OuterRef("pk"))
    return found.filter(Exists(ours))


def owns(accounts: Accounts, row: Endpoint | EndpointGroup) -> bool:
    """Whether whoever is bound to these accounts may change it: every strategy that sends to it trades on them, and on
    nobody else's."""
    if accounts is None:
        return True
    senders = _senders(row)
    ours, others = accounts.values("pk"), Account.objects.exclude(pk__in=accounts.values("pk")).values("pk")
    elsewhere = senders.filter(Q(accounts__in=others) | Q(groups__accounts__in=others))
    here = senders.filter(Q(accounts__in=ours) | Q(groups__accounts__in=ours))
    return not elsewhere.exists() and here.distinct().count() == senders.count()


def _senders(row: Any) -> QuerySet[Any]:
    """The strategies in use that send to it, by themselves or through a group."""
    through = row.strategies.all()
    if isinstance(row, Endpoint):
        groups_of = EndpointGroup.objects.filter(members=row)
        through = row.strategies.model.objects.filter(Q(endpoints=row) | Q(endpoint_groups__in=groups_of))
    return through.filter(retired_at=None).distinct()


def deliveries(accounts: Accounts) -> QuerySet[Delivery]:
    """Those of messages of such a strategy; an endpoint shared with somebody else's strategy shows only these."""
    found = Delivery.objects.all()
    if accounts is None:
        return found
    # One filter each: it must be the same strategy that has the account and sent the message.
    sender, ours = OuterRef("message__strategy"), accounts.values("pk")
    alone = Endpoint.objects.filter(_trades_on(ours, "strategies"), pk=OuterRef("endpoint"), strategies__slug=sender)
    in_group = GroupMember.objects.filter(
        _trades_on(ours, "group__strategies"), endpoint=OuterRef("endpoint"), group__strategies__slug=sender
    )
    return found.filter(Exists(alone) | Exists(in_group))


def messages(accounts: Accounts) -> QuerySet[Message]:
    """Those that name one of the accounts, or none but a strategy that trades on them."""
    found = Message.objects.all()
    if accounts is None:
        return found
    of_account = Q(account__in=accounts.values("slug"))
    named = accounts.filter(strategies__isnull=False).values("strategies__slug")
    grouped = accounts.filter(groups__strategies__isnull=False).values("groups__strategies__slug")
    of_strategy = Q(strategy__in=named) | Q(strategy__in=grouped)
    return found.filter(of_account | (Q(account="") & of_strategy))


def notifications(accounts: Accounts) -> QuerySet[Notification]:
    found = Notification.objects.all()
    return found if accounts is None else found.filter(message__in=messages(accounts).values("pk"))
