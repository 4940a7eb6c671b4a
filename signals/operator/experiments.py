"""What an experiment has shown: its engines side by side (S3). Reads the newest rows only, however many there are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import connection

from accounts.models import Account
from signals.models import Decision, RoundTrip, Strategy
from signals.portfolio import trips
from signals.strategies import experiments
from signals.strategies.experiments import Experiment
from tradeops.core import rows
from tradeops.core.money import ZERO

# How far it looks back: decisions with a variant, and round trips that are closed.
DECISIONS, TRIPS = 5000, 5000
_Z = 1.959964  # of 95 %


@dataclass(frozen=True)
class Interval:
    """A rate with the interval that holds the true one with 95 % confidence."""

    rate: float
    low: float
    high: float


def wilson(hits: int, count: int) -> Interval | None:
    """The score interval of E. B. Wilson (1927), «Probable inference, the law of succession, and statistical
    inference»: right also for few trials and for rates near 0 and 1. None without a trial."""
    if count <= 0:
        return None
    rate, square = hits / count, _Z * _Z
    scale = 1 + square / count
    middle = (rate + square / (2 * count)) / scale
    half = _Z * math.sqrt(rate * (1 - rate) / count + square / (4 * count * count)) / scale
    return Interval(rate, max(0.0, middle - half), min(1.0, middle + half))


@dataclass
class Side:
    """One engine of the experiment. `pnl` is net of fees and funding, by currency."""

    variant: str
    shadow: bool = False
    decisions: int = 0
    approved: int = 0
    fills: int = 0
    trips: int = 0
    wins: int = 0
    pnl: dict[str, Decimal] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        return self.decisions - self.approved

    @property
    def hit_rate(self) -> Interval | None:
        return wilson(self.wins, self.trips)


@dataclass(frozen=True, kw_only=True)
class Results:
    """`agreed` of `compared` decisions for the same signal and account came out alike; only with a shadow."""

    strategy: Strategy
    experiment: Experiment | None
    sides: list[Side]
    compared: int
    agreed: int
    since: datetime | None
    seen: int

    @property
    def agreement(self) -> Interval | None:
        return wilson(self.agreed, self.compared)

    @property
    def all_seen(self) -> bool:
        return self.seen < DECISIONS


_Told = tuple[int, int, int, str, bool, str, datetime]  # id, signal, account, variant, shadow, outcome, when


def of(strategy: Strategy, *, accounts: Iterable[int] | None = None) -> Results:
    """`accounts` bounds what is counted; None = all of them."""
    experiment = _experiment(strategy)
    bound = None if accounts is None else set(accounts)
    told = [one for one in _decisions(strategy) if bound is None or one[2] in bound]
    sides = {name: Side(name) for name in (experiment.engines if experiment else ())}
    for _, _, _, variant, shadow, outcome, _ in told:
        side = sides.setdefault(variant, Side(variant))
        side.shadow |= shadow
        side.decisions += 1
        side.approved += outcome == Decision.Outcome.APPROVED
    if told:
        _count_fills(sides, strategy, since=told[-1][0], accounts=bound)
    _count_trips(sides, strategy, accounts=bound)
    compared, agreed = _agreement(told)
    return Results(
        strategy=strategy,
        experiment=experiment,
        sides=[sides[name] for name in sorted(sides)],
        compared=compared,
        agreed=agreed,
        since=told[-1][6] if told else None,
        seen=len(told),
    )


def _experiment(strategy: Strategy) -> Experiment | None:
    return experiments.read(strategy.slug, strategy.experiment)


# Written as the partial index `signals_decision_variant` has it, or SQLite would not use it.
_NEWEST = f"strategy_id = %s AND NOT (variant = '') ORDER BY id DESC LIMIT {DECISIONS}"


def _decisions(strategy: Strategy) -> list[_Told]:
    """The newest first."""
    names = ("id", "signal_id", "account_id", "variant", "shadow", "outcome", "decided_at")
    return rows.select(Decision, *names, where=_NEWEST, params=[strategy.pk])


def _agreement(told: Iterable[_Told]) -> tuple[int, int]:
    """How many decisions have a shadow beside them, and of how many of these both said the same."""
    pairs: dict[tuple[int, int], dict[bool, str]] = {}
    for _, signal, account, _, shadow, outcome, _ in told:
        if account is not None:
            pairs.setdefault((signal, account), {})[shadow] = outcome
    whole = [pair for pair in pairs.values() if len(pair) == 2]
    return len(whole), sum(pair[False] == pair[True] for pair in whole)


_FILLS = """
SELECT d.variant, o.account_id, COUNT(*)
FROM signals_decision d
JOIN signals_order o ON o.decision_id = d.id
JOIN signals_fill f ON f.order_id = o.id
WHERE d.strategy_id = %s AND NOT (d.variant = '') AND d.id >= %s
GROUP BY d.variant, o.account_id
"""


def _count_fills(sides: dict[str, Side], strategy: Strategy, *, since: int, accounts: set[int] | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_FILLS, [strategy.pk, since])
        for variant, account, count in cursor.fetchall():
            if accounts is None or account in accounts:
                sides.setdefault(variant, Side(variant)).fills += count


def _count_trips(sides: dict[str, Side], strategy: Strategy, *, accounts: set[int] | None) -> None:
    closed = RoundTrip.objects.filter(strategy=strategy, closed_at__isnull=False)
    currencies: dict[int, str] = dict(Account.objects.values_list("pk", "currency"))
    for trip in closed.order_by("-closed_at")[:TRIPS]:
        if not trip.variant or (accounts is not None and trip.account_id not in accounts):
            continue
        side = sides.setdefault(trip.variant, Side(trip.variant))
        net = trips.net(trip)
        _, slash, quote = trip.symbol.partition("/")
        currency = quote.partition(":")[0] if slash else currencies.get(trip.account_id, "")
        side.trips += 1
        side.wins += net > 0
        side.pnl[currency] = side.pnl.get(currency, ZERO) + net
