"""Who sees which accounts (E2). Everything that hangs on an account is shown by this rule and no other."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet

from .models import Account, AccountGroup, AccountGroupMember


def visible_accounts(user: Any) -> QuerySet[Account]:
    """Every account for a superuser, those of their clients for anybody else, none for a stranger."""
    if not getattr(user, "is_active", False):
        return Account.objects.none()
    if user.is_superuser:
        return Account.objects.all()
    return Account.objects.filter(client__operators=user)


def visible_groups(user: Any) -> QuerySet[AccountGroup]:
    """A group that has somebody else's account too is not theirs to see or to change."""
    mine = scope(user)
    if mine is None:
        return AccountGroup.objects.all()
    others = AccountGroupMember.objects.exclude(account__in=mine.values("pk"))
    return AccountGroup.objects.exclude(pk__in=others.values("group"))


def belong_together(accounts: Collection[str]) -> bool:
    """Whether these accounts, by slug, are one client's: only then may a message that all of its people read name each
    of them."""
    return Account.objects.filter(slug__in=accounts).values("client").distinct().count() <= 1


def scope(user: Any) -> QuerySet[Account] | None:
    """The accounts that bound what `user` sees; None means that nothing is held back."""
    if getattr(user, "is_active", False) and user.is_superuser:
        return None
    return visible_accounts(user)
