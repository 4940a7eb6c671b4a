"""How much of each limit is used now, by scope: for the risk page. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django.db.models import Count

from accounts.models import Account
from signals.models import Order, RiskLimit, Strategy
from signals.models.risk import Scope
from signals.portfolio import equity, exposure
from signals.portfolio.exposure import Line
from tradeops.core import money
from tradeops.core.money import EXACT, ZERO

from .facts import MINUTE
from .percent import percentage, shown
from .rules.max_exposure import MEASURES


@dataclass(frozen=True)
class Use:
    """One limit: `used` and `limit` as text, `percent` of it (None where there is nothing to count)."""

    scope: str
    key: str
    rule: str
    limit: str
    used: str = ""
    where: str = ""  # of a limit for many, the one that has used most of it
    percent: int | None = None

    @property
    def level(self) -> str:
        if self.percent is None:
            return "off"
        return "bad" if self.percent > 100 else "warn" if self.percent >= 80 else "good"


@dataclass(frozen=True)
class _State:
    """What is held, by whom; strategies and accounts by primary key."""

    lines: list[Line]
    accounts: dict[int, Account]
    strategies: dict[int, str]
    worths: dict[int, equity.Worth]
    minute: dict[tuple[int, int], int]

    def within(self, row: RiskLimit) -> list[Line]:
        return [line for line in self.lines if self._holds(row, line.key.strategy, line.key.account)]

    def _holds(self, row: RiskLimit, strategy: int, account: int) -> bool:
        if row.scope == Scope.STRATEGY:
            return self.strategies.get(strategy) == row.key
        return row.scope == Scope.GLOBAL or self.slug(account) == row.key

    def slug(self, account: int) -> str:
        found = self.accounts.get(account)
        return found.slug if found else ""

    def traded(self, row: RiskLimit) -> list[Account]:
        """The accounts that a limit of equity is measured on."""
        if row.scope == Scope.ACCOUNT:
            return [one for one in self.accounts.values() if one.slug == row.key]
        if row.scope == Scope.GLOBAL:
            return list(self.accounts.values())
        held = {line.key.account for line in self.within(row)}
        own = Strategy.objects.filter(slug=row.key).values_list("accounts", flat=True)
        return [one for pk, one in self.accounts.items() if pk in held or pk in set(own)]


def uses(limits: Iterable[RiskLimit], *, now: datetime) -> list[Use]:
    """A line for each limit, and for each part of one that has several."""
    accounts = {row.pk: row for row in Account.objects.filter(retired_at=None)}
    state = _State(
        lines=list(exposure.read().lines()),
        accounts=accounts,
        strategies=dict(Strategy.objects.values_list("pk", "slug")),
        worths=equity.read(accounts),
        minute=_minute(now),
    )
    found: list[Use] = []
    for row in limits:
        found += _READERS.get(row.rule, _plain)(row, state)
    return found


def _minute(now: datetime) -> dict[tuple[int, int], int]:
    rows = Order.objects.filter(created_at__gt=now - MINUTE).values_list("strategy", "account")
    return {(strategy, account): count for strategy, account, count in rows.annotate(count=Count("pk")).order_by()}


def _use(row: RiskLimit, bound: Decimal, used: Decimal | None, *, name: str = "", where: str = "") -> Use:
    prefix = f"{name} " if name else ""
    limit = f"{prefix}{money.plain(bound)}"
    if used is None:
        return Use(row.scope, row.key, row.rule, limit, "not known", where)
    return Use(row.scope, row.key, row.rule, limit, f"{money.plain(used)}", where, _percent(used, bound))


def _percent(used: Decimal, bound: Decimal) -> int:
    if bound <= 0:
        return 101 if used > bound else 100
    return int(EXACT.divide(used * 100, bound).to_integral_value(rounding="ROUND_CEILING"))


def _plain(row: RiskLimit, state: _State) -> list[Use]:
    """A limit of each order by itself: nothing of it is used up."""
    return [Use(row.scope, row.key, row.rule, said(row.value))]


def said(value: Any) -> str:
    """A limit as it is stored, for people: `gross 50000, net 20000`."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return ", ".join(map(_entry, value)) if isinstance(value, list) else str(value)


def _entry(value: Any) -> str:
    return " ".join(str(part) for part in value.values()) if isinstance(value, dict) else str(value)


def _open_positions(row: RiskLimit, state: _State) -> list[Use]:
    return [_use(row, Decimal(row.value), Decimal(len({line.key for line in state.within(row)})))]


def _per_symbol(row: RiskLimit, state: _State) -> list[Use]:
    counts = Counter((key.account, key.symbol) for key in {line.key for line in state.within(row)})
    (account, symbol), most = max(counts.items(), key=lambda item: item[1], default=((0, ""), 0))
    return [_use(row, Decimal(row.value), Decimal(most), where=f"{state.slug(account)} {symbol}".strip())]


def _size(row: RiskLimit, state: _State) -> list[Use]:
    sums: dict[Any, Decimal] = {}
    for line in state.within(row):
        sums[line.key] = sums.get(line.key, ZERO) + line.quantity
    key, most = max(sums.items(), key=lambda item: item[1], default=(None, ZERO))
    where = "" if key is None else f"{state.slug(key.account)} {key.symbol}"
    return [_use(row, Decimal(row.value), most, where=where)]


def _exposure(row: RiskLimit, state: _State) -> list[Use]:
    lines = state.within(row)
    symbols = sorted({line.key.symbol for line in lines}) or [""]
    found = []
    for name, bound in row.value.items():
        try:
            if len({exposure.currency_of(line) for line in lines}) > 1:
                raise ValueError("more than one currency")
            value, symbol = max((MEASURES[name](lines, symbol), symbol) for symbol in symbols)
        except ValueError:
            found.append(_use(row, Decimal(bound), None, name=name))
        else:
            where = symbol if name == "per_symbol" else ""
            found.append(_use(row, Decimal(bound), money.kept(value), name=name, where=where))
    return found


def _leverage(row: RiskLimit, state: _State) -> list[Use]:
    measured = []
    for account in state.traded(row):
        worth = state.worths.get(account.pk)
        held = [line for line in state.lines if line.key.account == account.pk]
        if worth is not None and worth.equity > 0 and all(line.price is not None for line in held):
            gross = sum((abs(line.value) for line in held), ZERO)
            times = EXACT.divide(gross, worth.equity).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)
            measured.append((times, account.slug))
    if not measured:
        return [_use(row, Decimal(row.value), None)]
    used, where = max(measured)
    return [_use(row, Decimal(row.value), used, where=where)]


def _loss(of: Callable[[equity.Worth], tuple[Decimal, Decimal]]) -> Callable[[RiskLimit, _State], list[Use]]:
    def read(row: RiskLimit, state: _State) -> list[Use]:
        in_percent = str(row.value).endswith("%")
        bound = percentage(row.value) if in_percent else Decimal(row.value)
        measured = []
        for account in state.traded(row):
            if (worth := state.worths.get(account.pk)) is not None:
                lost, whole = of(worth)
                lost = max(lost, ZERO)
                measured.append((equity.share(lost, whole) if in_percent else lost, account))
        limit = shown(bound) if in_percent else f"{money.plain(bound)}"
        if not measured:
            return [Use(row.scope, row.key, row.rule, limit, "not known")]
        used, account = max(measured, key=lambda item: item[0])
        text = shown(used) if in_percent else f"{money.plain(used)} {account.currency}"
        return [Use(row.scope, row.key, row.rule, limit, text, account.slug, _percent(used, bound))]

    return read


def _orders(row: RiskLimit, state: _State) -> list[Use]:
    """A strategy's own, as the rule counts them."""
    counts: Counter[str] = Counter()
    for (strategy, account), count in state.minute.items():
        slug = state.strategies.get(strategy, "")
        if row.scope == Scope.ACCOUNT and state.slug(account) != row.key:
            continue
        if row.scope != Scope.STRATEGY or slug == row.key:
            counts[slug] += count
    where, most = max(counts.items(), key=lambda item: item[1], default=("", 0))
    return [_use(row, Decimal(row.value), Decimal(most), where=where)]


_READERS: dict[str, Callable[[RiskLimit, _State], list[Use]]] = {
    "max_open_positions": _open_positions,
    "max_positions_per_symbol": _per_symbol,
    "max_position_size": _size,
    "max_exposure": _exposure,
    "max_leverage": _leverage,
    "daily_loss": _loss(lambda worth: (worth.loss, worth.opening)),
    "max_drawdown": _loss(lambda worth: (worth.drawdown, worth.peak)),
    "max_orders_per_minute": _orders,
}
