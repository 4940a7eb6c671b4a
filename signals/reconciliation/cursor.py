"""Who compares which account, and how far its trades have been read: one at a time, by a claim on the cursor's row."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from accounts.models import Account
from signals.execution.lifecycle import UNSETTLED
from signals.models import Order, Reconciliation, ReconciliationCursor
from tradeops.core import holder
from tradeops.core.errors import Conflict

EVERY = timedelta(seconds=60)
# After a failure; asked for by a person it is looked at at once all the same.
AGAIN = timedelta(seconds=20)
LEASE = timedelta(seconds=30)


class Lost(Conflict):
    """Another worker has taken the account over: this one stops where it is."""

    code = "claim_lost"


@dataclass(frozen=True)
class Claim:
    """What one run holds; `token` fences each of its writes."""

    account: Account
    token: str
    cause: str
    trades_until: datetime
    baseline_at: datetime | None
    asked_at: datetime | None


def due(*, now: datetime, accounts: Collection[int]) -> list[int]:
    """Which of these accounts are to be compared now, and by nobody yet."""
    rows = {row.account_id: row for row in ReconciliationCursor.objects.filter(account__in=accounts)}
    return [pk for pk in accounts if pk not in rows or (_wanted(rows[pk], now) and _free(rows[pk], now))]


def _wanted(row: ReconciliationCursor, now: datetime) -> bool:
    return row.due_at <= now or row.asked_at is not None


def _free(row: ReconciliationCursor, now: datetime) -> bool:
    return row.lease_until is None or row.lease_until <= now or holder.of_this_process().died(row.claim_token)


def ask(accounts: Iterable[int], *, now: datetime, cause: str = Reconciliation.Cause.DEMAND) -> None:
    """Has these accounts compared as soon as somebody is free; a run under way does not count."""
    for account in accounts:
        _row(account, now=now)
        ReconciliationCursor.objects.filter(account=account).update(asked_at=now, asked_cause=cause)


def claim(account: Account, *, now: datetime) -> Claim | None:
    """The account for this run alone, or None: somebody is at it, or it is not due."""
    row = _row(account.pk, now=now)
    if not (_wanted(row, now) and _free(row, now)):
        return None
    token = holder.of_this_process().token()
    mine = ReconciliationCursor.objects.filter(
        Q(lease_until=None) | Q(lease_until__lte=now) | Q(claim_token=row.claim_token),
        account=account,
        claim_token=row.claim_token,
    )
    if not mine.update(claim_token=token, lease_until=now + LEASE):
        return None
    row.refresh_from_db()
    cause = row.asked_cause or Reconciliation.Cause.REGULAR
    return Claim(account, token, cause, row.trades_until, row.baseline_at, row.asked_at)


def hold(held: Claim, *, now: datetime, **changes: object) -> None:
    """First in each transaction of a run: renews the lease and holds the row. Raises Lost."""
    mine = ReconciliationCursor.objects.filter(account=held.account, claim_token=held.token)
    if not mine.update(lease_until=now + LEASE, **changes):
        raise Lost(f"another worker compares {held.account.slug} now")


def release(held: Claim, *, now: datetime, failed: bool) -> None:
    """Ends the claim; whoever asked since the run began is served by the next one. Raises Lost."""
    with transaction.atomic():
        mine = ReconciliationCursor.objects.filter(account=held.account, claim_token=held.token)
        due_at = now + (AGAIN if failed else EVERY)
        if not mine.update(claim_token="", lease_until=None, due_at=due_at):
            raise Lost(f"another worker compares {held.account.slug} now")
        served = ReconciliationCursor.objects.filter(account=held.account, asked_at=held.asked_at)
        served.update(asked_at=None, asked_cause="")


def _row(account: int, *, now: datetime) -> ReconciliationCursor:
    found = ReconciliationCursor.objects.filter(account=account).first()
    if found is None:
        new = ReconciliationCursor(account_id=account, trades_until=_first(account, now=now), due_at=now)
        ReconciliationCursor.objects.bulk_create([new], ignore_conflicts=True)
        found = ReconciliationCursor.objects.get(account=account)
    return found


def _first(account: int, *, now: datetime) -> datetime:
    """Trades are read from now on, or from before the oldest order that is still under way."""
    started = Order.objects.filter(UNSETTLED, account=account).values_list("created_at", flat=True)
    return min([now, *started])
