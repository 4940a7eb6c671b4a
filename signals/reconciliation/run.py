"""One comparison of one account with its venue, from claim to result.

Killed at any point it leaves a claim that ends by itself, and every write so far stands on its own: trades count once,
a difference is one row, the cursor moves last.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction

from accounts import credentials
from accounts.brokers import registry
from accounts.brokers.base import Broker, BrokerError
from accounts.models import Account
from signals.models import Fill, Order, Reconciliation, VenueDifference
from tradeops.core import clock, events, failpoints, logs
from tradeops.core.errors import ConfigurationError
from tradeops.core.events import Event, Level

from . import books, cursor, differences, fills, orders, positions, trades
from .books import Books
from .cursor import Claim, Lost
from .differences import Finding, Name
from .look import Look, take

logger = logs.get(__name__)
# Trades are read again from this long before: a venue may list one late, and its clock is not ours.
OVERLAP = timedelta(minutes=2)
# What differs is looked at again before anybody is called: venues show orders and trades up to seconds late.
PAUSES = (1.0, 2.0, 3.0)
DEADLINE = timedelta(seconds=40)
FILLS_WATCHED = timedelta(days=1)
INTERRUPTED = "interrupted"

Pause = Callable[[float], None]


@dataclass
class Result:
    """What the last look found, and the counts of all of them."""

    findings: dict[Name, Finding]
    judged: Callable[[Name], bool]
    quiet: bool
    unwanted: tuple[Order, ...] = ()
    orders: int = 0
    trades: int = 0
    positions: int = 0
    read_from: datetime | None = None


def run(account: Account, *, now: datetime, pause: Pause = time.sleep) -> Reconciliation | None:
    """Compares and stores what it found. None = somebody else is at it, it is not due, or it was taken over."""
    with transaction.atomic():
        held = cursor.claim(account, now=now)
        if held is None:
            return None
        record = _begin(held, now=now)
    failpoints.reached("reconciliation.after_claim")
    try:
        result = _look_until_sure(held, pause=pause)
        return _finish(held, record, result, now=clock.now())
    except Lost:
        logger.warning("another worker has taken the comparison over", account=account.slug)
        return None
    except (BrokerError, ConfigurationError) as error:
        return _fail(held, record, str(error))
    except Exception as error:
        logger.exception("an account could not be compared", account=account.slug)
        return _fail(held, record, f"{type(error).__name__}: {error}")


def _begin(held: Claim, *, now: datetime) -> Reconciliation:
    """A run that was killed says so as soon as the next one begins."""
    unfinished = Reconciliation.objects.filter(account=held.account, finished_at=None)
    unfinished.update(finished_at=now, problem=INTERRUPTED)
    return Reconciliation.objects.create(account=held.account, cause=held.cause, started_at=now)


def _look_until_sure(held: Claim, *, pause: Pause) -> Result:
    """Looks again while something changes or differs anew, a few times at most."""
    broker = registry.broker_for(held.account)
    began = clock.now()
    suspected: dict[Name, tuple[str, str]] = {
        name: (row.ours, row.venue) for name, row in differences.open_ones(held.account).items()
    }
    total = Result({}, lambda name: False, quiet=False)
    for wait in (*PAUSES, None):
        result = _look(held, broker)
        total.trades += result.trades
        result = replace(result, trades=total.trades)
        sure = {name: each for name, each in result.findings.items() if suspected.get(name) == (each.ours, each.venue)}
        if (result.quiet and len(sure) == len(result.findings)) or wait is None:
            return replace(result, findings=sure)
        if clock.now() - began > DEADLINE:
            return replace(result, findings=sure)
        suspected = {name: (each.ours, each.venue) for name, each in result.findings.items()}
        with transaction.atomic():
            cursor.hold(held, now=clock.now())
        pause(wait)
    raise AssertionError("the last look returns")


def _look(held: Claim, broker: Broker) -> Result:
    account, now = held.account, clock.now()
    before, look = _both_sides(held, broker, now=now)
    failpoints.reached("reconciliation.after_fetch")
    taken = trades.take_in(held, broker, look)
    resting = orders.compare(account, broker, look)
    listed = fills.compare(account, look)
    with transaction.atomic():
        after = books.read(account, hedged=look.hedged)
    held_there = positions.compare(held, look, before, after)
    if not taken.changed and not resting.changed and taken.until is None:
        positions.begin(held, held_there, now=now)

    def judged(name: Name) -> bool:
        if name.kind == VenueDifference.Kind.POSITION:
            return positions.judged(held_there, name)
        if name.kind == VenueDifference.Kind.FILL:
            return (name.symbol, name.reference) in listed.judged
        return name.reference not in resting.unjudged

    return Result(
        findings={**resting.findings, **listed.findings, **held_there.findings},
        judged=judged,
        quiet=not (taken.changed or taken.until or resting.changed or held_there.moving),
        unwanted=tuple(resting.unwanted),
        orders=resting.count,
        trades=taken.ours + taken.external,
        positions=len(held_there.judged) + len(held_there.first_seen),
        read_from=min(now, taken.until) if taken.until else now,
    )


def _both_sides(held: Claim, broker: Broker, *, now: datetime) -> tuple[Books, Look]:
    """Our books, then the venue's: what changes here meanwhile is seen by comparing with the books afterwards."""
    since, hedged = _since(held), credentials.hedges(held.account)
    before = books.read(held.account, hedged=hedged)
    look = take(held.account, broker, since=since, now=now)
    if look.hedged != hedged:  # only the answer told how the account is set up
        before = books.read(held.account, hedged=look.hedged)
        look = take(held.account, broker, since=since, now=now)
    return before, look


def _since(held: Claim) -> datetime:
    """Far enough back to see late trades, and those that differ."""
    missed = [name for name in differences.open_ones(held.account) if name.kind == VenueDifference.Kind.FILL]
    times = Fill.objects.filter(
        account=held.account,
        trade_id__in=[name.reference for name in missed[:50]],
        at__gte=held.trades_until - FILLS_WATCHED,
    ).values_list("at", flat=True)
    return min([held.trades_until, *times]) - OVERLAP


# The end -----------------------------------------------------------------------------------------------------------


def _finish(held: Claim, record: Reconciliation, result: Result, *, now: datetime) -> Reconciliation:
    with transaction.atomic():
        assert result.read_from is not None
        cursor.hold(held, now=now, trades_until=max(held.trades_until, result.read_from))
        record.differences = differences.store(held.account, result.findings, judged=result.judged, now=now)
        record.orders, record.trades, record.positions = result.orders, result.trades, result.positions
        _end(held, record, now=now)
        failpoints.reached("reconciliation.before_commit")
    failpoints.reached("reconciliation.after_commit")
    orders.cancel_unwanted(order for order in result.unwanted if _name(order) in result.findings)
    return record


def _name(order: Order) -> Name:
    return Name(VenueDifference.Kind.ORDER, order.symbol, order.client_order_id)


def _fail(held: Claim, record: Reconciliation, problem: str) -> Reconciliation | None:
    now = clock.now()
    try:
        with transaction.atomic():
            record.problem = problem[:300]
            _end(held, record, now=now)
            _tell_of_failure(record, now=now)
    except Lost:
        return None
    return record


def _end(held: Claim, record: Reconciliation, *, now: datetime) -> None:
    record.finished_at = now
    record.save()
    cursor.release(held, now=now, failed=bool(record.problem))


def _tell_of_failure(record: Reconciliation, *, now: datetime) -> None:
    """Once, when it begins to fail."""
    earlier = Reconciliation.objects.filter(account=record.account, pk__lt=record.pk).order_by("-started_at").first()
    if earlier is not None and earlier.problem:
        return
    events.publish(
        Event(
            name="reconciliation.failed",
            at=now,
            level=Level.WARNING,
            title=f"{record.account.slug} could not be compared with its venue: {record.problem}"[:300],
            account=record.account.slug,
            body={"problem": record.problem, "cause": record.cause},
        )
    )
