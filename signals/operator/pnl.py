"""Profit and loss of each strategy: today by the running totals of the day, and since its first fill."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from signals import visibility
from signals.models import PnlDay
from tradeops.core.money import ZERO

from .positions import currency, unrealised
from .reach import Accounts


@dataclass
class Line:
    """Of one strategy in one currency. `unmarked` positions are open and not counted in `unrealised`."""

    strategy: str
    currency: str
    realised: Decimal = ZERO  # before fees and funding
    fees: Decimal = ZERO
    funding: Decimal = ZERO  # paid; negative = received
    unrealised: Decimal = ZERO
    unmarked: int = 0
    fills: int = 0

    @property
    def net(self) -> Decimal:
        return self.realised - self.fees - self.funding + self.unrealised


def today(*, accounts: Accounts, now: datetime) -> list[Line]:
    """What was realised in the present day of each account's own time zone; what is open is not in it."""
    rows = PnlDay.objects.filter(day__gte=now.date() - timedelta(days=1)).select_related("strategy", "account")
    if accounts is not None:
        rows = rows.filter(account__in=accounts.values("pk"))
    lines = _Lines()
    for row in rows:
        if row.day != now.astimezone(_zone(row.account.time_zone)).date():
            continue
        line = lines.of(row.strategy.slug, row.currency or currency(row.symbol))
        line.realised += row.realised_pnl
        line.fees += row.fees
        line.funding += row.funding
        line.fills += row.fills
    return lines.sorted()


def ever(*, accounts: Accounts) -> list[Line]:
    """The running totals of every position that ever was, with what is open at its last mark."""
    lines = _Lines()
    for row in visibility.positions(accounts).select_related("strategy"):
        line = lines.of(row.strategy.slug, currency(row.symbol))
        line.realised += row.realised_pnl
        line.fees += row.fees
        line.funding += row.funding
        if row.is_open:
            worth = unrealised(row)
            line.unrealised += worth or ZERO
            line.unmarked += worth is None
    return lines.sorted()


def total(lines: Iterable[Line]) -> dict[str, Decimal]:
    """Net, by currency."""
    found: dict[str, Decimal] = {}
    for line in lines:
        found[line.currency] = found.get(line.currency, ZERO) + line.net
    return found


class _Lines:
    def __init__(self) -> None:
        self._by_key: dict[str, dict[str, Line]] = defaultdict(dict)

    def of(self, strategy: str, in_currency: str) -> Line:
        return self._by_key[strategy].setdefault(in_currency, Line(strategy, in_currency))

    def sorted(self) -> list[Line]:
        return [self._by_key[s][c] for s in sorted(self._by_key) for c in sorted(self._by_key[s])]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
