"""What was put into a venue's account and taken out, told from what was gained and lost (D3).

Transfers are read with the balances that have them in them, and stored with these in one transaction: so what is
recorded after one reading and not after the next is exactly what lies between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from accounts.brokers.base import Broker, BrokerError, BrokerRejected, Transfer
from accounts.models import Account, AccountSync, AccountTransfer
from tradeops.core import clock, money
from tradeops.core.money import EXACT, ZERO

# They are listed again from this long before the last reading: a venue may list one late, and some give only its day.
OVERLAP = timedelta(days=3)
_LOOKS = 3

Held = TypeVar("Held")


@dataclass(frozen=True)
class Asked:
    """From when on, and what is on record from then. `begun`: they were listed the last time."""

    since: datetime
    known: frozenset[str]
    begun: bool


@dataclass(frozen=True)
class Listed:
    """What is new, with its worth in the account's currency; `problem` = the venue refuses to tell."""

    new: tuple[tuple[Transfer, Decimal], ...] = ()
    problem: str = ""


def asked(row: AccountSync, *, now: datetime) -> Asked:
    since = (row.synced_at or now) - OVERLAP
    # Some bear their day only, and are listed although it began before `since`.
    found = AccountTransfer.objects.filter(account=row.account_id, at__gte=since - timedelta(days=1))
    return Asked(since, frozenset(found.values_list("transfer_id", flat=True)), row.transfers_from is not None)


def with_balances(broker: Broker, look: Callable[[], Held], asked: Asked, *, currency: str) -> tuple[Held, Listed]:
    """`look` at the balances, and the transfers that are in them: none came between the two.

    No database. Raises BrokerError for what `look` raises; and BrokerTemporary where transfers were listed before and
    cannot be now: balances without them would take a withdrawal for a loss.
    """
    held = look()
    if not broker.capabilities.transfers:
        return held, Listed(problem="transfers cannot be read from this venue")
    known = set(asked.known)
    found: dict[str, Transfer] = {}
    try:
        for _ in range(_LOOKS):
            new = {one.id: one for one in broker.transfers(since=asked.since) if one.id not in known}
            if not new:
                break
            found |= new
            known |= new.keys()
            held = look()
        return held, Listed(tuple((one, _worth(broker, one, currency)) for one in found.values()))
    except BrokerError as error:
        if asked.begun and not isinstance(error, BrokerRejected):
            raise
        return held, Listed(problem=str(error))


def _worth(broker: Broker, one: Transfer, currency: str) -> Decimal:
    """At the price of now. What has no price is nothing here: neither was it part of the equity."""
    if one.currency == currency or not one.amount:
        return one.amount
    if not broker.capabilities.prices:
        return ZERO
    try:
        price = broker.quote(f"{one.currency}/{currency}", now=clock.now()).last
    except BrokerRejected:
        return ZERO
    return money.kept(EXACT.multiply(one.amount, price))


def store(account: Account, new: Iterable[tuple[Transfer, Decimal]], *, now: datetime) -> None:
    """Each once by the venue's id, in the transaction of the balances, whose time is `now`."""
    AccountTransfer.objects.bulk_create(
        [
            AccountTransfer(
                account=account, transfer_id=one.id[:120], currency=one.currency[:20], amount=one.amount, worth=worth,
                at=one.at, recorded_at=now,
            )
            for one, worth in new
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def reading(row: AccountSync, listed: Listed, *, now: datetime) -> dict[str, object]:
    """What the account's row says of it. What came before the first list was there is in the balances already, and so
    is what came while the venue refused to tell: it is told from profit from the next list on."""
    begun = None if listed.problem else row.transfers_from or now
    return {"transfers_from": begun, "transfers_problem": listed.problem[:300]}


def between(account: Account, *, after: datetime, until: datetime) -> Decimal:
    """In the account's currency, what went in (or out, negative) between two readings of its balances."""
    begun = AccountSync.objects.filter(account=account).values_list("transfers_from", flat=True).first()
    if begun is None:
        return ZERO
    found = AccountTransfer.objects.filter(account=account, recorded_at__gt=max(after, begun), recorded_at__lte=until)
    return sum(found.values_list("worth", flat=True), ZERO)
