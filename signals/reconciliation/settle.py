"""What a person decides about differences and trades made by hand; each with a name and a reason, none by itself."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.models import Account
from signals.models import SymbolBlock, VenueDifference
from signals.portfolio import external_part
from tradeops.core import events, money, wake
from tradeops.core.errors import Conflict
from tradeops.core.events import Event, Level

from . import books, differences
from .look import Key


def as_external(row: VenueDifference, *, by: str, reason: str, now: datetime) -> Decimal:
    """Counts what a position's difference comes to as external: a deposit, somebody else's position.

    Strategies' positions stay as they are. Returns what was added. Raises Conflict when it is not an open difference
    of a position, or has changed since it was shown.
    """
    with transaction.atomic():
        row = _open(row)
        if row.kind != VenueDifference.Kind.POSITION:
            raise Conflict("only a difference of a position can be counted as external")
        change = money.exact(row.venue) - money.exact(row.ours)
        key = Key(row.symbol, row.reference)
        present = books.read(row.account, hedged=bool(row.reference)).ours(key)
        if present != money.exact(row.ours):
            raise Conflict(f"here it is {money.plain(present)} by now; wait for the next comparison")
        external_part.add(account=row.account_id, symbol=key.symbol, side=key.side, change=change, at=now)
        how = f"{money.plain(change)} counted as external by {by}: {reason}"
        differences.resolve(row, how=how, now=now)
    return change


def close(row: VenueDifference, *, by: str, reason: str, now: datetime) -> None:
    """A person has looked and it is well: an order or trade that will not come to agree by itself. Raises Conflict."""
    with transaction.atomic():
        row = _open(row)
        if row.kind == VenueDifference.Kind.POSITION:
            raise Conflict("a position's difference ends when both agree, or is counted as external")
        differences.resolve(row, how=f"closed by {by}: {reason}", now=now)


def _open(row: VenueDifference) -> VenueDifference:
    found = VenueDifference.objects.select_for_update().select_related("account").get(pk=row.pk)
    if found.resolved_at is not None:
        raise Conflict("this difference is resolved already")
    return found


def lift(block: SymbolBlock, *, by: str, reason: str, now: datetime) -> None:
    """Entries pass again on the symbol. Raises Conflict when it was lifted already."""
    with transaction.atomic():
        mine = SymbolBlock.objects.filter(pk=block.pk, lifted_at=None)
        if not mine.update(lifted_at=now, lifted_by=by[:150], reason=reason[:200]):
            raise Conflict("this block was lifted already")
        account: Account = block.account
        events.publish(
            Event(
                name="reconciliation.lifted",
                at=now,
                level=Level.WARNING,
                title=f"Entries of {block.symbol} pass again on {account.slug}, says {by}: {reason}"[:300],
                account=account.slug,
                symbol=block.symbol,
                body={"by": by, "reason": reason},
            )
        )
        wake.notify()
