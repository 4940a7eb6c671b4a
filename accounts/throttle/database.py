"""Places in PostgreSQL, for hosts that share no Redis: one statement each, by the database's clock.

The function and its unlogged table are made by the migration `accounts.0005_throttle`.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from .limit import Place
from .store import Taken

_COLUMNS = (("name", str), ("count", int), ("window", float), ("span", float), ("interval", float), ("cost", int))


_PLACES = "%s::text[], %s::int[], %s::float8[], %s::float8[], %s::float8[], %s::int[], %s::float8"
_TAKE = "SELECT wait, at FROM accounts_throttle_take(" + _PLACES + ")"  # noqa: S608
_AGAIN = "SELECT wait, at FROM accounts_throttle_again(" + _PLACES + ", false)"  # noqa: S608
_USED = "SELECT wait, at FROM accounts_throttle_again(" + _PLACES + ", true)"  # noqa: S608


class DatabaseStore:
    def take(self, places: Sequence[Place], *, longest: float) -> Taken:
        return self._ask(_TAKE, places, longest)

    def again(self, places: Sequence[Place], *, at: float) -> Taken:
        return self._ask(_AGAIN, places, at)

    def used(self, places: Sequence[Place], *, at: float) -> None:
        self._ask(_USED, places, at)

    def _ask(self, statement: str, places: Sequence[Place], number: float) -> Taken:
        columns = [[make(getattr(place, name)) for place in places] for name, make in _COLUMNS]
        with connection.cursor() as cursor:
            cursor.execute(statement, [*columns, number])
            return Taken(*map(float, cursor.fetchone()))

    def hold(self, names: Sequence[str], *, seconds: float) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO accounts_throttle (name, held)"
                " SELECT name, extract(epoch FROM clock_timestamp()) + %s FROM unnest(%s::text[]) name ORDER BY name"
                " ON CONFLICT (name) DO UPDATE SET held = greatest(accounts_throttle.held, excluded.held)",
                [seconds, list(names)],
            )
