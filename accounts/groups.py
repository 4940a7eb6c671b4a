"""Groups of accounts that a strategy trades together (S7): who takes part and how, and who may not twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from accounts.models import Account, AccountGroup, AccountGroupMember
from tradeops.core import configuration


@dataclass(frozen=True, kw_only=True)
class Part:
    """How one account takes part; the defaults are those of one that is only named."""

    account: str
    multiplier: Decimal = Decimal(1)
    cap: Decimal | None = None
    paused: bool = False
    start: str = AccountGroupMember.Start.NOW


FIELDS = ("multiplier", "cap", "paused", "start")


def parts(group: AccountGroup) -> list[Part]:
    """In the order of the accounts' slugs."""
    found = group.members.select_related("account").order_by("account__slug")
    return [Part(account=row.account.slug, **{name: getattr(row, name) for name in FIELDS}) for row in found]


def set_parts(*, group: AccountGroup, wanted: Sequence[Part], now: datetime) -> None:
    """Makes the members these. One that stays keeps when it began, unless it is told to begin anew."""
    rows = {row.account.slug: row for row in group.members.select_related("account")}
    for slug in rows.keys() - {part.account for part in wanted}:
        rows[slug].delete()
    for part in wanted:
        row = rows.get(part.account)
        if row is None:
            row = AccountGroupMember(group=group, account=Account.objects.get(slug=part.account))
        given: dict[str, Any] = {name: getattr(part, name) for name in FIELDS}
        if row.pk is None or row.start != part.start:
            given["started_at"] = now if part.start == AccountGroupMember.Start.NOW else None
        for name, value in given.items():
            setattr(row, name, value)
        row.save()


def begin(members: Iterable[int], *, now: datetime) -> None:
    """In the transaction of their first entry."""
    if AccountGroupMember.objects.filter(pk__in=list(members), started_at=None).update(started_at=now):
        configuration.changed()


def twice(*, accounts: Iterable[int], groups: Iterable[int], said: dict[int, str] | None = None) -> str:
    """Why a strategy of these accounts and groups (primary keys) would trade an account twice; empty = it does not.

    `said`: accounts that count as well, and where they are.
    """
    first: dict[int, str] = dict.fromkeys(accounts, "named itself")
    for pk, where in (said or {}).items():
        if first.setdefault(pk, where) != where:
            slug = Account.objects.values_list("slug", flat=True).get(pk=pk)
            return f"account {slug} is {first[pk]} and {where}: it would be traded twice; leave one out"
    found = _members().filter(group_id__in=list(groups)).order_by("group__slug", "account__slug")
    for row in found:
        where = f"in group {row.group.slug}"
        other = first.setdefault(row.account_id, where)
        if other != where:
            return f"account {row.account.slug} is {other} and {where}: it would be traded twice; leave one out"
    return ""


def twice_in(group: AccountGroup, *, accounts: Iterable[int] | None = None) -> str:
    """The same for every strategy that trades the group; `accounts` are the members that it would have."""
    said = None if accounts is None else dict.fromkeys(accounts, f"in group {group.slug}")
    for strategy in group.strategies.filter(retired_at=None).order_by("slug"):
        traded = strategy.groups.all() if said is None else strategy.groups.exclude(pk=group.pk)
        why = twice(
            accounts=strategy.accounts.values_list("pk", flat=True),
            groups=traded.values_list("pk", flat=True),
            said=said,
        )
        if why:
            return f"strategy {strategy.slug}: {why}"
    return ""


def _members() -> QuerySet[AccountGroupMember]:
    return AccountGroupMember.objects.filter(group__retired_at=None).select_related("group", "account")
