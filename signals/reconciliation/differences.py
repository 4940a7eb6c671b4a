"""Differences with a venue: opened and told once, kept up to date, resolved when both agree or a person says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Account
from signals.models import VenueDifference
from tradeops.core import events
from tradeops.core.events import Event, Level

AGREES = "both agree again"


@dataclass(frozen=True, order=True)
class Name:
    """What differs: `reference` is a client order id, a trade id, or the side of a position."""

    kind: str
    symbol: str
    reference: str = ""


@dataclass(frozen=True)
class Finding:
    ours: str
    venue: str
    detail: str


Found = Mapping[Name, Finding]


def open_ones(account: Account) -> dict[Name, VenueDifference]:
    rows = VenueDifference.objects.filter(account=account, resolved_at__isnull=True)
    return {Name(row.kind, row.symbol, row.reference): row for row in rows}


def store(account: Account, found: Found, *, judged: Callable[[Name], bool], now: datetime) -> int:
    """Makes the open rows say what was found, in the caller's transaction; returns how many are open then.

    What is not found any more is resolved if it was looked at (`judged`), else it stays as it is.
    """
    rows = open_ones(account)
    for name, finding in found.items():
        row = rows.get(name)
        if row is None:
            _open(account, name, finding, now=now)
        else:
            _update(row, finding, now=now)
    gone = [row for name, row in rows.items() if name not in found and judged(name)]
    for row in gone:
        resolve(row, how=AGREES, now=now)
    return len(found) + len(rows.keys() - found.keys()) - len(gone)


def resolve(row: VenueDifference, *, how: str, now: datetime) -> None:
    row.resolved_at, row.resolution = now, how[:300]
    row.save(update_fields=["resolved_at", "resolution"])
    _publish(row, "reconciliation.agrees", Level.WARNING, f"{_title(row)}: {how}", now=now)


def _open(account: Account, name: Name, finding: Finding, *, now: datetime) -> None:
    row = VenueDifference.objects.create(
        account=account,
        kind=name.kind,
        symbol=name.symbol,
        reference=name.reference,
        ours=finding.ours[:120],
        venue=finding.venue[:120],
        detail=finding.detail[:300],
        first_seen_at=now,
        last_seen_at=now,
    )
    title = f"{_title(row)}: {row.ours} here, {row.venue} at the venue"
    _publish(row, "reconciliation.difference", Level.CRITICAL, title, now=now)


def _update(row: VenueDifference, finding: Finding, *, now: datetime) -> None:
    row.ours, row.venue, row.detail = finding.ours[:120], finding.venue[:120], finding.detail[:300]
    row.last_seen_at = now
    row.save(update_fields=["ours", "venue", "detail", "last_seen_at"])


def _title(row: VenueDifference) -> str:
    what = {"order": "an order", "fill": "a trade", "position": "the position"}[row.kind]
    name = f" ({row.reference})" if row.reference else ""
    return f"{row.account.slug} and its venue differ in {what} of {row.symbol or 'unknown symbol'}{name}"


def _publish(row: VenueDifference, name: str, level: Level, title: str, *, now: datetime) -> None:
    events.publish(
        Event(
            name=name,
            at=now,
            level=level,
            title=title[:300],
            account=row.account.slug,
            symbol=row.symbol,
            body={
                "difference": row.pk,
                "kind": row.kind,
                "reference": row.reference,
                "ours": row.ours,
                "venue": row.venue,
                "detail": row.detail,
            },
        )
    )
