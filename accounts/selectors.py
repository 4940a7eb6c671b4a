"""Who sees which accounts (E2). Everything that hangs on an account is shown by this rule and no other."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from .models import Account


def visible_accounts(user: Any) -> QuerySet[Account]:
    """Every account for a superuser, those of their clients for anybody else, none for a stranger."""
    if not getattr(user, "is_active", False):
        return Account.objects.none()
    if user.is_superuser:
        return Account.objects.all()
    return Account.objects.filter(client__operators=user)


def scope(user: Any) -> QuerySet[Account] | None:
    """The accounts that bound what `user` sees; None means that nothing is held back."""
    if getattr(user, "is_active", False) and user.is_superuser:
        return None
    return visible_accounts(user)
