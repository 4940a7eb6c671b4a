"""Leases: one holder at a time, by a conditional write; an expired lease is anybody's, with a higher token."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q

from .models import Lease

HOST = socket.gethostname()


def holder_name() -> str:
    return f"{HOST}:{os.getpid()}"


@dataclass(frozen=True)
class Held:
    name: str
    holder: str
    token: int


def acquire(*, name: str, seconds: float, now: datetime, holder: str | None = None) -> Held | None:
    """The lease, or None while somebody else's is alive. A holder that asks again renews and keeps its token."""
    holder = holder or holder_name()
    until = now + timedelta(seconds=seconds)
    mine = Lease.objects.filter(name=name, holder=holder, expires_at__gt=now)
    if not mine.update(expires_at=until):
        taken = Lease.objects.filter(Q(expires_at__lte=now) | Q(holder=""), name=name).update(
            holder=holder, token=F("token") + 1, expires_at=until
        )
        if not taken:
            created = Lease.objects.bulk_create(
                [Lease(name=name, holder=holder, token=1, expires_at=until)], ignore_conflicts=True
            )
            if not created:
                return None
    row = Lease.objects.get(name=name)
    return Held(name, holder, row.token) if row.holder == holder else None


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
