"""What each strategy trades and where, as every process keeps it: configuration, at most half a second old."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from accounts.models import Account, AccountGroupMember
from relay import selectors as relay
from relay.models import Endpoint
from signals.models import Strategy
from signals.strategies import symbols
from signals.strategies.symbols import Mapped
from tradeops.core import configuration

from . import minds


@dataclass(frozen=True, kw_only=True)
class Member:
    """An account's part in a group of the strategy's (S7). `cap` is in the quote currency; `next_flat`: it begins in
    each symbol with the strategy's next position there; `waits`: it has begun in none yet."""

    pk: int
    group: str
    multiplier: Decimal
    cap: Decimal | None = None
    paused: bool = False
    next_flat: bool = False
    started_at: datetime | None = None

    @property
    def waits(self) -> bool:
        return self.next_flat and self.started_at is None


@dataclass(frozen=True)
class Plan:
    """`symbols` are the strategy's own, ready for `Plan.mapped`. Do not change what is in it: it is shared.

    `accounts` are the strategy's own and those of its groups, each once; `members` are those of groups, by account.
    """

    strategy: Strategy
    accounts: list[Account]
    endpoints: list[Endpoint]
    symbols: Mapping[str, Any]
    groups: Mapping[int, int] = field(default_factory=dict)  # endpoint → the failover group that it leads here
    members: Mapping[int, Member] = field(default_factory=dict)

    @property
    def only_relays(self) -> bool:
        """Whether its decisions need no quote, no balance, no order and no look at the market."""
        return not self.accounts and not minds.look(self.strategy) and not self.strategy.approval_seconds

    def mapped(self, ticker: str) -> Mapped | None:
        return symbols.find(self.symbols, ticker)

    def lane(self, ticker: str) -> str:
        """What must stay in order: the strategy and the venue's symbol, or the ticker as sent if it has none."""
        mapped = self.mapped(ticker)
        return f"{self.strategy.slug}:{mapped.symbol if mapped else ticker}"


def _load() -> dict[int, Plan]:
    return {strategy.pk: _plan(strategy) for strategy in Strategy.objects.order_by("slug")}


def _plan(strategy: Strategy) -> Plan:
    choices = relay.targets(endpoints=_keys(strategy.endpoints), groups=_keys(strategy.endpoint_groups))
    members = _members(strategy)
    wanted = Account.objects.filter(Q(strategies=strategy) | Q(pk__in=list(members))).distinct()
    return Plan(
        strategy,
        list(wanted.select_related("paper_twin", "credential", "twin_of").order_by("slug")),
        [choice.endpoint for choice in choices],
        symbols.fold(strategy.symbols),
        {choice.endpoint.pk: choice.group for choice in choices if choice.group is not None},
        members,
    )


def _members(strategy: Strategy) -> dict[int, Member]:
    """An account has one part: the configuration refuses a second, or it would be traded twice."""
    found = AccountGroupMember.objects.filter(group__strategies=strategy, group__retired_at=None)
    parts: dict[int, Member] = {}
    for row in found.select_related("group").order_by("group__slug", "pk"):
        part = Member(
            pk=row.pk, group=row.group.slug, multiplier=row.multiplier, cap=row.cap, paused=row.paused,
            next_flat=row.start == AccountGroupMember.Start.NEXT_FLAT, started_at=row.started_at,
        )  # fmt: skip
        parts.setdefault(row.account_id, part)
    return parts


def _keys(related: Any) -> list[int]:
    return list(related.order_by("slug").values_list("pk", flat=True))


# What must be of this moment (kill switches, positions) is read when deciding.
_plans = configuration.Cached(_load)


def of(strategy: int) -> Plan:
    """By primary key. Raises KeyError for one that does not exist."""
    if strategy not in _plans():
        configuration.forget()  # newer than this process's last look
    return _plans()[strategy]


def by_slug(slugs: set[str]) -> dict[str, Plan]:
    """Those of the slugs that exist."""
    found = {plan.strategy.slug: plan for plan in _plans().values()}
    if not slugs <= found.keys():
        configuration.forget()  # the web process may know of a change that this one has not looked for yet
        found = {plan.strategy.slug: plan for plan in _plans().values()}
    return {slug: found[slug] for slug in slugs if slug in found}


def that_only_relay() -> list[int]:
    """Primary keys of the strategies without accounts."""
    return [pk for pk, plan in _plans().items() if plan.only_relays]
