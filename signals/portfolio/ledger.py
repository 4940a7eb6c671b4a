"""The rows that fills change, for all fills of a moment: each kind is read and locked by one statement, and written by
one.

Positions come first, then round trips, then days, each in the order of their keys, as everybody locks them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from signals.models import PnlDay, Position, RoundTrip
from tradeops.core import rows

from . import external_part, pnl, trips
from .pnl import Day, Whose
from .trips import Key


class Traded(Whose, Protocol):
    """As much of a trade as says which rows it may change."""

    @property
    def at(self) -> datetime: ...
    @property
    def time_zone(self) -> str: ...


class Sided(Traded, Protocol):
    @property
    def position_side(self) -> str: ...


@dataclass
class Ledger:
    """Positions by their keys, with the trips that are open; days. What was changed waits for `write`."""

    positions: dict[Key, Position] = field(default_factory=dict)
    trips: dict[Key, RoundTrip] = field(default_factory=dict)
    days: dict[Day, PnlDay] = field(default_factory=dict)
    _external: list[tuple[Sided, Decimal]] = field(default_factory=list)
    _moved: dict[Key, Position] = field(default_factory=dict)
    _entered: list[RoundTrip] = field(default_factory=list)

    def position(self, traded: Whose, side: Position.Side) -> Position | None:
        """None = there never was one."""
        return self.positions.get((traded.strategy_id, traded.account_id, traded.symbol, side.value))

    def made(self, traded: Traded, side: Position.Side) -> Position:
        """As `position`, flat where there was none. Another worker may make it at the same moment."""
        found = self.position(traded, side)
        if found is not None:
            return found
        key = (traded.strategy_id, traded.account_id, traded.symbol, side.value)
        names = ("strategy_id", "account_id", "symbol", "side")
        new = rows.make(Position, **dict(zip(names, key, strict=True)), updated_at=traded.at)
        rows.insert_new([new])
        self._read([key[:3]])
        return self.positions[key]

    def begin(self, position: Position, trip: RoundTrip) -> RoundTrip:
        """The round trip of a position that was flat."""
        self.trips[_key(position)] = trip
        return trip

    def trip(self, position: Position) -> RoundTrip:
        """The open one. A position from before there were trade records gets one of what it holds."""
        key = _key(position)
        if key not in self.trips:
            self.trips[key] = trips.of_what_is_held(position)
        return self.trips[key]

    def changed(self, position: Position, trip: RoundTrip) -> None:
        key = _key(position)
        self._moved[key] = position
        if not any(trip is other for other in self._entered):
            self._entered.append(trip)
        if trip.closed_at is not None:
            self.trips.pop(key, None)

    def beyond(self, traded: Sided, change: Decimal) -> None:
        """So much of a trade, in signed base units, belongs to no strategy."""
        self._external.append((traded, change))

    def write(self) -> None:
        """What was changed, in the caller's transaction."""
        rows.update_each(list(self._moved.values()), *_BOOKED)
        # A trip that is over makes room for the next one of its position.
        rows.update_each([trip for trip in self._entered if not trip._state.adding], *trips.BOOKED)
        rows.insert_all([trip for trip in self._entered if trip._state.adding])
        pnl.store(list(self.days.values()))
        for one, change in self._external:
            if external_part.has_begun(account=one.account_id, symbol=one.symbol):
                external_part.add(
                    account=one.account_id, symbol=one.symbol, side=one.position_side, change=change, at=one.at
                )

    def _read(self, places: Sequence[tuple[int, int, str]]) -> None:
        """What is here already stays: it is locked, and what was changed of it is not written yet."""
        new = {key: position for key, position in _positions(places).items() if key not in self.positions}
        self.positions |= new
        self.trips |= trips.open_ones([key for key, position in new.items() if position.quantity > 0])


def read(traded: Iterable[Traded]) -> Ledger:
    """What these trades may change, locked until the caller's transaction ends."""
    given = list(traded)
    found = Ledger()
    found._read(list({(one.strategy_id, one.account_id, one.symbol): None for one in given}))
    found.days = pnl.read(map(day_of, given))
    return found


def day_of(traded: Traded) -> Day:
    return Day.of(traded.at, time_zone=traded.time_zone, position=traded)


def _key(position: Position) -> Key:
    return position.strategy_id, position.account_id, position.symbol, str(position.side)


_FIELDS = (
    "id", "strategy_id", "account_id", "symbol", "side", "quantity", "average_price", "variant", "entries",
    "realised_pnl", "fees", "funding", "mark_price", "marked_at", "is_open", "opened_at", "updated_at",
)  # fmt: skip
_BOOKED = (
    "quantity", "average_price", "variant", "entries", "realised_pnl", "fees", "mark_price", "marked_at", "is_open",
    "opened_at", "updated_at",
)  # fmt: skip


def _positions(places: Sequence[tuple[int, int, str]]) -> dict[Key, Position]:
    """Both sides of each."""
    if not places:
        return {}
    where = " OR ".join(["strategy_id = %s AND account_id = %s AND symbol = %s"] * len(places))
    params = [value for place in places for value in place]
    found = rows.fetch(Position, *_FIELDS, where=where, params=params, lock=True)
    return {_key(position): position for position in found}
