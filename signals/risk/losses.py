"""Keeps the equity of accounts that a limit is measured against, and tells people when such a limit is reached."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import cast

from accounts.models import Account
from signals.models import AccountEquity, RiskLimit, Strategy
from signals.models.risk import Scope
from signals.portfolio import equity
from signals.portfolio.equity import Worth
from tradeops.core import configuration, events, lease, rows
from tradeops.core.events import Event, Level
from tradeops.core.models import Lease

from . import facts, gate
from .base import Limit, Verdict
from .loss import MaximumLoss
from .registry import BY_SLUG

LEASE = "equity"  # nobody holds it for work: it says when the next round is
EVERY = timedelta(seconds=30)
# A decision does not go by what is older, where it can be read without a network.
FRESH = timedelta(seconds=10)
TOLD = ("daily_loss", "max_drawdown")


def _load() -> dict[int, Account]:
    """The accounts under a limit of their equity; a strategy's limit concerns the accounts that it trades."""
    limits = list(RiskLimit.objects.filter(rule__in=facts.OF_EQUITY).values_list("scope", "key"))
    found = Account.objects.filter(retired_at=None)
    if not any(scope == Scope.GLOBAL for scope, _ in limits):
        slugs = {key for scope, key in limits if scope == Scope.ACCOUNT}
        traded = _traders({key for scope, key in limits if scope == Scope.STRATEGY})
        found = found.filter(pk__in=[row.pk for row in found if row.slug in slugs or row.pk in traded])
    return {row.pk: row for row in found}


def _load_own() -> dict[int, list[str]]:
    own = RiskLimit.objects.filter(rule__in=TOLD, scope=Scope.STRATEGY)
    return {account: sorted(slugs) for account, slugs in _traders(set(own.values_list("key", flat=True))).items()}


def _traders(slugs: Collection[str]) -> dict[int, set[str]]:
    """By account: which of these strategies trade it, by itself or in a group."""
    strategies = Strategy.objects.filter(slug__in=slugs, retired_at=None)
    alone = strategies.filter(accounts__isnull=False).values_list("accounts", "slug")
    grouped = strategies.filter(groups__retired_at=None, groups__accounts__isnull=False)
    found: dict[int, set[str]] = {}
    for account, slug in [*alone, *grouped.values_list("groups__accounts", "slug")]:
        found.setdefault(account, set()).add(slug)
    return found


limited = configuration.Cached(_load)
# By account: the strategies that trade it and have a limit of their own that is told of.
_own = configuration.Cached(_load_own)


def due(*, now: datetime) -> bool:
    """Whether the accounts under a limit are to be valued again; where there is no limit, no question is asked."""
    return bool(limited()) and not Lease.objects.filter(name=LEASE, expires_at__gt=now).exclude(holder="").exists()


def run(*, now: datetime) -> int:
    """Values them, once in 30 s whoever is told to; returns how many. To be called outside of transactions."""
    if not due(now=now) or lease.acquire(name=LEASE, seconds=EVERY.total_seconds(), now=now) is None:
        return 0
    accounts = list(limited().values())
    for account in accounts:
        refresh(account, now=now)
    return len(accounts)


def keep_fresh(accounts: Sequence[tuple[Account, Mapping[str, Decimal]]], *, now: datetime) -> None:
    """Before a decision that a limit of equity bears on: those (with prices just read) whose equity is not of now."""
    if not accounts:
        return
    marks = ", ".join(["%s"] * len(accounts))
    keys = [account.pk for account, _ in accounts]
    known = dict(rows.select(AccountEquity, "account_id", "at", where=f"account_id IN ({marks})", params=keys))
    for account, prices in accounts:
        at = known.get(account.pk)
        if at is None or now - at >= FRESH:
            refresh(account, marks=prices, now=now)


def refresh(account: Account, *, now: datetime, marks: Mapping[str, Decimal] | None = None) -> None:
    """Reads and stores what the account is worth, and tells when a limit was reached by it."""
    before = equity.read({account.pk: account}).get(account.pk)
    after = equity.refresh(account, now=now, marks=marks)
    if after is not None:
        _tell(account, before, after, now=now)


def _tell(account: Account, before: Worth | None, after: Worth, *, now: datetime) -> None:
    """When it is over a limit and was not at the reading before: alarms count what comes again.

    What holds for the whole account is told once, a strategy's own limit once for each strategy.
    """
    for slug in TOLD:
        rule = cast("MaximumLoss", BY_SLUG[slug])
        for strategy in ("", *_own().get(account.pk, ())):
            limits = gate.limits_for(slug, strategy=strategy, account=account.slug)
            if strategy:
                limits = [limit for limit in limits if limit.scope == Scope.STRATEGY]
            verdict = _reached(rule, limits, before, after, currency=account.currency)
            if verdict is not None:
                who = f"{strategy} makes no entries there" if strategy else "It takes no entries"
                events.publish(
                    Event(
                        name=f"account.{slug}",
                        at=now,
                        level=Level.CRITICAL,
                        title=f"{account.slug}: {verdict.reason}. {who}",
                        account=account.slug,
                        strategy=strategy,
                        body={"value": verdict.value, "limit": verdict.limit, "equity": str(after.equity)},
                    )
                )


def _reached(
    rule: MaximumLoss, limits: Sequence[Limit], before: Worth | None, after: Worth, *, currency: str
) -> Verdict | None:
    """What the rule says of the first limit that was kept before and is not any more."""
    for limit in limits:
        verdict = rule.against(after, limit, currency=currency)
        if not verdict.passed and (before is None or rule.against(before, limit, currency=currency).passed):
            return verdict
    return None
