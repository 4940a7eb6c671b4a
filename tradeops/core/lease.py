"""Leases: one holder at a time, by a conditional write; an expired lease is anybody's, with a higher token.

So is that of a process of this machine that is gone: after a `kill -9` nobody waits for its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F

from . import holder as holders
from .models import Lease


@dataclass(frozen=True)
class Held:
    name: str
    holder: str
    token: int


def acquire(*, name: str, seconds: float, now: datetime, holder: str | None = None) -> Held | None:
    """The lease, or None while somebody else's is alive. A holder that asks again renews and keeps its token."""
    holder = holder or holders.of_this_process().name
    until = now + timedelta(seconds=seconds)
    mine = Lease.objects.filter(name=name, holder=holder, expires_at__gt=now)
    if not mine.update(expires_at=until):
        _take(name, by=holder, until=until, now=now)
    row = Lease.objects.get(name=name)
    return Held(name, holder, row.token) if row.holder == holder else None


def _take(name: str, *, by: str, until: datetime, now: datetime) -> None:
    """If it is free and nobody else is quicker."""
    found = Lease.objects.filter(name=name).first()
    if found is None:
        new = Lease(name=name, holder=by, token=1, expires_at=until)
        Lease.objects.bulk_create([new], ignore_conflicts=True)
    elif not _is_alive(found, now=now):
        same = Lease.objects.filter(name=name, holder=found.holder, token=found.token, expires_at=found.expires_at)
        same.update(holder=by, token=F("token") + 1, expires_at=until)


def is_held(name: str, *, now: datetime) -> bool:
    """Whether somebody is at it."""
    found = Lease.objects.filter(name=name).first()
    return found is not None and _is_alive(found, now=now)


def _is_alive(row: Lease, *, now: datetime) -> bool:
    return bool(row.holder) and row.expires_at > now and not holders.of_this_process().died(row.holder)


def release(held: Held) -> None:
    """Gives the lease back, unless another holder has taken it since."""
    Lease.objects.filter(name=held.name, holder=held.holder, token=held.token).update(holder="")


def still_held(held: Held, *, now: datetime) -> bool:
    """To be asked inside the transaction that writes: false means stop, somebody else has taken over."""
    return (
        Lease.objects.select_for_update()
        .filter(name=held.name, holder=held.holder, token=held.token, expires_at__gt=now)
        .exists()
    )
