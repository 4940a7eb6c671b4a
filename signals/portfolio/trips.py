"""The trade record of each round trip, from flat to flat, kept in the transaction of its fills (P3).

`enter` and `leave` are pure; amounts in the quote currency, prices per base unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Protocol

from signals.models import Position, RoundTrip
from tradeops.core import money, rows
from tradeops.core.money import EXACT, ZERO

# A position by strategy, account, symbol and side.
Key = tuple[int, int, str, str]


class Opening(Protocol):
    """Whose entry it was."""

    @property
    def at(self) -> datetime: ...
    @property
    def signal_id(self) -> int | None: ...


_FIELDS = (
    "id", "strategy_id", "account_id", "symbol", "side", "variant", "entered", "entry_value", "left", "exit_value",
    "realised_pnl", "fees", "funding", "initial_stop", "risked", "opened_at", "closed_at", "opened_by_id", "reason",
)  # fmt: skip
# What fills change.
BOOKED = ("entered", "entry_value", "left", "exit_value", "realised_pnl", "fees", "closed_at", "reason", "risked")
_WHOSE = "strategy_id = %s AND account_id = %s AND symbol = %s AND side = %s"


def begin(position: Position, opening: Opening) -> RoundTrip:
    """A new one for a position that was flat; not stored yet."""
    return _new(position, opened_at=opening.at, opened_by_id=opening.signal_id)


def of_what_is_held(position: Position) -> RoundTrip:
    """A new one for a position from before there were trade records; not stored yet."""
    made = _new(position, opened_at=position.opened_at or position.updated_at)
    enter(made, quantity=position.quantity, price=position.average_price or ZERO)
    return made


def _new(position: Position, **opened: object) -> RoundTrip:
    return rows.make(
        RoundTrip,
        strategy_id=position.strategy_id,
        account_id=position.account_id,
        symbol=position.symbol,
        side=str(position.side),
        variant=position.variant,
        **opened,
    )


def open_ones(keys: Sequence[Key]) -> dict[Key, RoundTrip]:
    """Those of these positions that are open, locked."""
    if not keys:
        return {}
    where = " OR ".join([f"closed_at IS NULL AND {_WHOSE}"] * len(keys))
    found = rows.fetch(RoundTrip, *_FIELDS, where=where, params=[value for key in keys for value in key], lock=True)
    return {(trip.strategy_id, trip.account_id, trip.symbol, trip.side): trip for trip in found}


def open_of(position: Position) -> RoundTrip:
    """The one that is open, locked; stored where there was none."""
    found = _read(position, "closed_at IS NULL")
    return rows.insert(of_what_is_held(position)) if found is None else found


def latest_of(position: Position) -> RoundTrip | None:
    """The open one, else the last that was closed, locked; None if there never was one."""
    last = f"id = (SELECT max(id) FROM signals_roundtrip WHERE {_WHOSE})"  # noqa: S608
    return _read(position, "closed_at IS NULL") or _read(position, last)


def _read(position: Position, which: str) -> RoundTrip | None:
    whose = [position.strategy_id, position.account_id, position.symbol, str(position.side)]
    params = whose * (2 if "SELECT" in which else 1)
    found = rows.fetch(RoundTrip, *_FIELDS, where=f"{_WHOSE} AND {which}", params=params, lock=True)
    return found[0] if found else None


def enter(trip: RoundTrip, *, quantity: Decimal, price: Decimal) -> None:
    trip.entered += quantity
    trip.entry_value += money.kept(EXACT.multiply(quantity, price))
    _count_risk(trip)


def leave(
    trip: RoundTrip,
    *,
    quantity: Decimal,
    price: Decimal,
    average: Decimal | None,
    last: bool,
    at: datetime,
    reason: str,
) -> Decimal:
    """Takes `quantity` out and returns its profit before fees. `average` is the entry's price; None = the exit's.

    What an average's rounding kept back comes with the `last` piece: over the round trip the profit is exactly what
    was got less what was paid.
    """
    direction = 1 if trip.side == Position.Side.LONG else -1
    trip.left += quantity
    trip.exit_value += money.kept(EXACT.multiply(quantity, price))
    if last:
        realised = (trip.exit_value - trip.entry_value) * direction - trip.realised_pnl
        trip.closed_at, trip.reason = at, reason[:40]
    else:
        entry = price if average is None else average
        realised = money.kept(EXACT.multiply((price - entry) * direction, quantity))
    trip.realised_pnl += realised
    return realised


def risk(trip: RoundTrip, stop: Decimal | None) -> None:
    """What the entry risks, from where its stop is at first; written at once."""
    trip.initial_stop = stop
    _count_risk(trip)
    rows.update(trip, "initial_stop", "risked")


def _count_risk(trip: RoundTrip) -> None:
    if trip.initial_stop is None:
        trip.risked = None
        return
    direction = 1 if trip.side == Position.Side.LONG else -1
    lost = trip.entry_value - money.kept(EXACT.multiply(trip.entered, trip.initial_stop))
    trip.risked = max(ZERO, lost * direction)


def net(trip: RoundTrip) -> Decimal:
    """What it came to, after fees and funding."""
    return trip.realised_pnl - trip.fees - trip.funding


def r_multiple(trip: RoundTrip) -> Decimal | None:
    """The net result in units of what was risked, to 2 places; None without a stop at entry."""
    if not trip.risked:
        return None
    return (net(trip) / trip.risked).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)


def price(value: Decimal, quantity: Decimal) -> Decimal | None:
    """The average per base unit; None where nothing was traded yet."""
    return money.kept(EXACT.divide(value, quantity)) if quantity else None
