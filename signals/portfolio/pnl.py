"""What was made per strategy, account, symbol and day: running rows, so that nothing is summed in SQL (P3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from django.db import connection

from signals.models import PnlDay
from tradeops.core import rows
from tradeops.core.money import ZERO


class Whose(Protocol):
    """Of which strategy, account and symbol."""

    @property
    def strategy_id(self) -> int: ...
    @property
    def account_id(self) -> int: ...
    @property
    def symbol(self) -> str: ...


@dataclass(frozen=True)
class Day:
    """One row's name: ids of strategy and account, the symbol, and the day in the account's time zone."""

    strategy_id: int
    account_id: int
    symbol: str
    day: date

    @classmethod
    def of(cls, at: datetime, *, time_zone: str, position: Whose) -> Day:
        day = at.astimezone(ZoneInfo(time_zone or "UTC")).date()
        return cls(position.strategy_id, position.account_id, position.symbol, day)


def quote_of(symbol: str) -> str:
    """`BTC/USDT:USDT` → USDT; empty where the symbol does not say."""
    return symbol.partition("/")[2].partition(":")[0]


def add(day: Day, *, realised: Decimal = ZERO, fees: Decimal = ZERO, funding: Decimal = ZERO, fills: int = 0) -> None:
    """In the transaction of what made it; a fill that comes late counts on the day when it was traded."""
    row = read([day])[day]
    count(row, realised=realised, fees=fees, funding=funding, fills=fills)
    store([row])


def count(
    row: PnlDay, *, realised: Decimal = ZERO, fees: Decimal = ZERO, funding: Decimal = ZERO, fills: int = 0
) -> None:
    """Not written yet."""
    row.realised_pnl += realised
    row.fees += fees
    row.funding += funding
    row.fills += fills


def store(found: Sequence[PnlDay]) -> None:
    rows.update_each(found, "realised_pnl", "fees", "funding", "fills")


def read(days: Iterable[Day]) -> dict[Day, PnlDay]:
    """Their rows, locked, made where there are none."""
    wanted = sorted(set(days), key=astuple)
    found = _locked(wanted)
    missing = [day for day in wanted if day not in found]
    if missing:
        # Long and short of a symbol share the row: another worker may make it at the same moment.
        rows.insert_new([rows.make(PnlDay, **day.__dict__, currency=quote_of(day.symbol)[:12]) for day in missing])
        found |= _locked(missing)
    return found


def _locked(days: Sequence[Day]) -> dict[Day, PnlDay]:
    if not days:
        return {}
    where = " OR ".join(["strategy_id = %s AND account_id = %s AND symbol = %s AND day = %s"] * len(days))
    params = [
        value
        for day in days
        for value in (day.strategy_id, day.account_id, day.symbol, connection.ops.adapt_datefield_value(day.day))
    ]
    found = rows.fetch(PnlDay, *_READ, where=where, params=params, lock=True)
    return {Day(row.strategy_id, row.account_id, row.symbol, row.day): row for row in found}


_READ = ("id", "strategy_id", "account_id", "symbol", "day", "realised_pnl", "fees", "funding", "fills")
