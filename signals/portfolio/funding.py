"""What holding a position has cost or earned at its venue."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from signals.models import Position, RoundTrip
from tradeops.core import rows

from . import pnl, trips


def charge(position: Position, paid: Decimal, *, at: datetime, trip: RoundTrip | None = None) -> None:
    """Adds a payment (negative = received), in the caller's transaction, which makes it count once.

    `position.account` gives the time zone in which `at` has its day; `trip` is the round trip that it is of, locked, if
    that is not the latest.
    """
    [(present,)] = rows.select(Position, "funding", where="id = %s", params=[position.pk], lock=True)
    position.funding = present + paid
    rows.update(position, "funding")
    trip = trip or trips.latest_of(position) or trips.open_of(position)
    trip.funding += paid
    rows.update(trip, "funding")
    pnl.add(pnl.Day.of(at, time_zone=position.account.time_zone, position=position), funding=paid)
