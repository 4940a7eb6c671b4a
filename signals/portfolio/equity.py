"""What an account is worth, and what it has lost: unrealised profit included, transfers excluded (D3).

A day is the account's own. Its opening is what the account was worth when it began: the last reading before midnight
if that was at most ten minutes earlier, else the first one of the day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction

from accounts.models import Account
from signals.models import AccountEquity, EquityDay, EquityPoint
from tradeops.core import rows
from tradeops.core.money import EXACT, ZERO, kept

from . import worth

_CARRIED = timedelta(minutes=10)
# The curve: a point each five minutes, of what is older than `FINE` about one an hour.
POINT_EVERY = timedelta(minutes=5)
FINE = timedelta(days=35)
KEPT = timedelta(days=400)


@dataclass(frozen=True, kw_only=True)
class Worth:
    """An account's equity at `at` in its own currency. `opening` and `transfers` are of the day of `at`."""

    equity: Decimal
    at: datetime
    peak: Decimal
    opening: Decimal
    transfers: Decimal = ZERO
    problem: str = ""

    @property
    def loss(self) -> Decimal:
        """Since the day began; negative = a gain."""
        return self.opening + self.transfers - self.equity

    @property
    def drawdown(self) -> Decimal:
        """From the most that it ever was."""
        return self.peak - self.equity


def day_of(account: Account, at: datetime) -> date:
    """The account's own day."""
    return at.astimezone(_zone(account)).date()


def _zone(account: Account) -> ZoneInfo:
    """UTC for a name that is none: whoever sets it is told, and a decision must not fail by it."""
    try:
        return ZoneInfo(account.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def read(accounts: Mapping[int, Account]) -> dict[int, Worth]:
    """What is stored of these accounts, by primary key. Two statements, whatever the past."""
    if not accounts:
        return {}
    marks, keys = ", ".join(["%s"] * len(accounts)), list(accounts)
    found = rows.select(
        AccountEquity,
        *("account_id", "equity", "at", "peak", "problem"),
        where=f"account_id IN ({marks})",
        params=keys,
    )
    days = {day_of(accounts[pk], at) for pk, _, at, *_ in found}
    opened = _openings(keys, sorted(days)) if days else {}
    worths = {}
    for pk, equity, at, peak, problem in found:
        opening, transfers = opened.get((pk, day_of(accounts[pk], at)), (equity, ZERO))
        worths[pk] = Worth(equity=equity, at=at, peak=peak, opening=opening, transfers=transfers, problem=problem)
    return worths


def _openings(accounts: list[int], days: list[date]) -> dict[tuple[int, date], tuple[Decimal, Decimal]]:
    marks, dates = ", ".join(["%s"] * len(accounts)), ", ".join(["%s"] * len(days))
    found = rows.select(
        EquityDay,
        *("account_id", "day", "opening", "transfers"),
        where=f"account_id IN ({marks}) AND day IN ({dates})",
        params=[*accounts, *(day.isoformat() for day in days)],
    )
    return {(pk, day): (opening, transfers) for pk, day, opening, transfers in found}


def refresh(
    account: Account, *, now: datetime, marks: Mapping[str, Decimal] | None = None, network: bool = True
) -> Worth | None:
    """Values the account and stores it; None where it cannot be told, which is stored as its problem.

    May use the network for prices; to be called outside of transactions. `marks`: prices by symbol that the caller
    has read just now; without `network`, nothing else is asked of sources elsewhere.
    """
    valued = worth.value(account, now=now, since=_since(account), marks=marks or {}, network=network)
    with transaction.atomic():
        found = worth.settle(account, valued, since=_since(account, lock=True))
        if found.equity is None:
            AccountEquity.objects.filter(account=account).update(problem=found.problem[:200])
            return None
        return store(account, found.equity, transferred=found.transferred, at=found.at)


def _since(account: Account, *, lock: bool = False) -> datetime | None:
    """When it was last valued. Locked, so that two readings at once do not both count what lies between."""
    found = AccountEquity.objects.filter(account=account)
    return (found.select_for_update(no_key=True) if lock else found).values_list("at", flat=True).first()


@transaction.atomic
def store(account: Account, equity: Decimal, *, transferred: Decimal = ZERO, at: datetime) -> Worth:
    """One reading, of which `transferred` was put in (negative: taken out) since the last.

    A reading that is not newer than what is stored changes nothing.
    """
    equity = kept(equity)
    AccountEquity.objects.bulk_create(
        [AccountEquity(account=account, equity=equity, at=at, peak=equity, peak_at=at)], ignore_conflicts=True
    )
    row = AccountEquity.objects.select_for_update(no_key=True).get(account=account)
    before, before_at = row.equity, row.at
    if at >= before_at:
        peak = row.peak + transferred
        row.peak, row.peak_at = (equity, at) if equity >= peak else (peak, row.peak_at)
        row.equity, row.at, row.problem = equity, at, ""
        row.save(update_fields=["equity", "at", "peak", "peak_at", "problem"])
        _store_day(account, row, before=before, before_at=before_at, transferred=transferred)
        _store_point(account, row)
    return read({account.pk: account})[account.pk]


def _store_day(
    account: Account, row: AccountEquity, *, before: Decimal, before_at: datetime, transferred: Decimal
) -> None:
    today = day_of(account, row.at)
    day = EquityDay.objects.filter(account=account, day=today).first()
    if day is None:
        midnight = datetime(today.year, today.month, today.day, tzinfo=_zone(account))
        carried = before_at < midnight <= before_at + _CARRIED
        # What was transferred before the first reading of a day is in that reading already.
        opening, transferred = (before, transferred) if carried else (row.equity, ZERO)
        EquityDay.objects.create(
            account=account, day=today, opening=opening, latest=row.equity, highest=max(opening, row.equity),
            lowest=min(opening, row.equity), transfers=transferred, opened_at=row.at, latest_at=row.at,
        )  # fmt: skip
        return
    day.latest, day.latest_at = row.equity, row.at
    day.highest, day.lowest = max(day.highest, row.equity), min(day.lowest, row.equity)
    day.transfers += transferred
    day.save(update_fields=["latest", "latest_at", "highest", "lowest", "transfers"])


def _store_point(account: Account, row: AccountEquity) -> None:
    last = EquityPoint.objects.filter(account=account).order_by("-at").values_list("at", flat=True).first()
    if last is None or row.at - last >= POINT_EVERY:
        EquityPoint.objects.create(account=account, at=row.at, equity=row.equity)


def share(part: Decimal, whole: Decimal) -> Decimal:
    """`part` in percent of `whole`; more than everything where there is nothing."""
    if whole <= 0:
        return Decimal(100) if part > 0 else ZERO
    return kept(EXACT.divide(part * 100, whole))
