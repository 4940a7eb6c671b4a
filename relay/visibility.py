"""What of the relay belongs to a set of accounts (E2): an endpoint through the strategies that send to it.

`strategies` is the reverse of the strategies' own relation; relay knows its name and nothing else of them.
`accounts=None` means that nothing is held back.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Account

from .models import Delivery, Endpoint, EndpointGroup, GroupMember, Message, Notification

Accounts = QuerySet[Account] | None


def endpoints(accounts: Accounts) -> QuerySet[Endpoint]:
    """Those that get the messages of a strategy which trades on one of the accounts, by themselves or in a group."""
    found = Endpoint.objects.all()
    if accounts is None:
        return found
    ours = accounts.values("pk")
    alone = Endpoint.objects.filter(pk=OuterRef("pk"), strategies__accounts__in=ours)
    in_group = GroupMember.objects.filter(endpoint=OuterRef("pk"), group__strategies__accounts__in=ours)
    return found.filter(Exists(alone) | Exists(in_group))


def groups(accounts: Accounts) -> QuerySet[EndpointGroup]:
    """Those that a strategy which trades on one of the accounts sends to."""
    found = EndpointGroup.objects.all()
    if accounts is None:
        return found
    ours = EndpointGroup.objects.filter(pk=OuterRef("pk"), strategies__accounts__in=accounts.values("pk"))
    return found.filter(Exists(ours))


def deliveries(accounts: Accounts) -> QuerySet[Delivery]:
    """Those of messages of such a strategy; an endpoint shared with somebody else's strategy shows only these."""
    found = Delivery.objects.all()
    if accounts is None:
        return found
    # One filter each: it must be the same strategy that has the account and sent the message.
    sender, ours = OuterRef("message__strategy"), accounts.values("pk")
    alone = Endpoint.objects.filter(pk=OuterRef("endpoint"), strategies__slug=sender, strategies__accounts__in=ours)
    in_group = GroupMember.objects.filter(
        endpoint=OuterRef("endpoint"), group__strategies__slug=sender, group__strategies__accounts__in=ours
    )
    return found.filter(Exists(alone) | Exists(in_group))


def messages(accounts: Accounts) -> QuerySet[Message]:
    """Those that name one of the accounts, or none but a strategy that trades on them."""
    found = Message.objects.all()
    if accounts is None:
        return found
    of_account = Q(account__in=accounts.values("slug"))
    of_strategy = Q(account="", strategy__in=accounts.filter(strategies__isnull=False).values("strategies__slug"))
    return found.filter(of_account | of_strategy)


def notifications(accounts: Accounts) -> QuerySet[Notification]:
    found = Notification.objects.all()
    return found if accounts is None else found.filter(message__in=messages(accounts).values("pk"))
