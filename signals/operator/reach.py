"""What a person's word reaches: what they see (E2), and what of it is theirs alone to stop and to let go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from accounts import selectors
from accounts.models import Account, Operator
from signals import visibility
from signals.models import Strategy
from signals.models.risk import Scope
from tradeops.core.errors import Forbidden, Refused

Accounts = QuerySet[Account] | None


@dataclass(frozen=True)
class Target:
    """Where entries are stopped or let go on. `scope` is one of `Scope`; `key` is a slug, empty for global."""

    scope: str
    key: str = ""

    def __str__(self) -> str:
        return "everything" if self.scope == Scope.GLOBAL else f"{self.scope} {self.key}"


def accounts(person: Operator) -> Accounts:
    """None means that nothing is held back."""
    return selectors.scope(person)


def target(words: Sequence[str], *, person: Operator) -> tuple[Target, list[str]]:
    """The target that `words` begin with, and the words after it.

    `[]` and `all` are everything; `strategy X`, `account X`, or X alone where only one of both has that name. Raises
    Refused for what the person does not see or did not say clearly, Forbidden for what is also somebody else's.
    """
    if not words or words[0].lower() in ("all", "everything", "global"):
        found, rest = Target(Scope.GLOBAL), list(words[1:])
    elif words[0].lower() in (Scope.STRATEGY, Scope.ACCOUNT):
        if len(words) < 2:
            raise Refused(f"name the {words[0].lower()}", code="unknown_target")
        found, rest = _named(words[1], person, only=words[0].lower()), list(words[2:])
    else:
        found, rest = _named(words[0], person), list(words[1:])
    check(found, person=person)
    return found, rest


def check(found: Target, *, person: Operator) -> None:
    """Raises Forbidden unless all that the target stops or lets go on is the person's."""
    bound = accounts(person)
    if bound is None:
        return
    others = Account.objects.exclude(pk__in=bound.values("pk"))
    if found.scope == Scope.GLOBAL and others.exists():
        raise Forbidden("everything is more than the clients assigned to you: name a strategy or an account")
    if found.scope == Scope.STRATEGY:
        theirs = Q(strategies__slug=found.key) | Q(groups__strategies__slug=found.key)
        if others.filter(theirs).exists():
            raise Forbidden(f"{found} also trades for clients that are not yours: name your accounts instead")


def owns(found: Target, *, person: Operator) -> bool:
    """Whether the person sees the target and all that it stands for is theirs; everything is only who sees it all's."""
    bound = accounts(person)
    if bound is None:
        return True
    if found.scope == Scope.ACCOUNT:
        return bound.filter(slug=found.key).exists()
    if found.scope != Scope.STRATEGY or not visibility.strategies(bound).filter(slug=found.key).exists():
        return False
    try:
        check(found, person=person)
    except Forbidden:
        return False
    return True


def targets(found: Target, *, person: Operator) -> list[tuple[Account, str]]:
    """The accounts that the person sees under a target, each with the strategy that bounds it (empty = all of it)."""
    rows = selectors.visible_accounts(person).filter(retired_at=None).order_by("slug").distinct()
    if found.scope == Scope.ACCOUNT:
        rows = rows.filter(slug=found.key)
    return [(row, found.key if found.scope == Scope.STRATEGY else "") for row in rows]


def _named(name: str, person: Operator, *, only: str = "") -> Target:
    seen: dict[str, QuerySet[Strategy] | QuerySet[Account]] = {
        Scope.STRATEGY: visibility.strategies(accounts(person)),
        Scope.ACCOUNT: selectors.visible_accounts(person),
    }
    # Phones begin a word with a capital.
    found = [
        Target(scope, slug)
        for scope, rows in seen.items()
        if not only or scope == only
        for slug in [_slug(rows, name)]
        if slug
    ]
    if not found:
        raise Refused(f"there is no {only or 'strategy or account'} {name!r} among yours", code="unknown_target")
    if len(found) > 1:
        raise Refused(f"{name!r} is a strategy and an account: say which", code="unclear_target")
    return found[0]


def _slug(rows: QuerySet[Strategy] | QuerySet[Account], name: str) -> str:
    for each in dict.fromkeys((name, name.lower())):
        if rows.filter(slug=each).exists():
            return each
    return ""
