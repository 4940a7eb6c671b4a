"""What some rules need beside the book, read once under the locks: equity, orders of the last minute, losses.

Only what a limit asks for is read; each is a statement or two whose cost does not grow with the past.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from accounts.models import Account
from signals.models import RoundTrip, Strategy
from signals.portfolio import equity
from signals.portfolio.equity import Worth
from tradeops.core import rows, statements

from . import gate

MINUTE = timedelta(seconds=60)
OF_EQUITY = ("daily_loss", "max_drawdown", "max_leverage")
# Round trips that are read for a cooldown, for each account that has one; a few accounts may have more among them.
_TRIPS_EACH, _TRIPS_LEAST = 100, 200


@dataclass(frozen=True)
class Facts:
    """By account. A map is None where nothing asked for it."""

    worths: Mapping[int, Worth] = field(default_factory=dict)
    orders: Mapping[int, int] | None = None  # the strategy's, made in the last minute
    losses: Mapping[int, datetime] | None = None  # when the strategy's last losing trade ended
    losses_unknown: frozenset[int] = frozenset()  # accounts whose past was too long to be read to its end


NOTHING = Facts()


def needs_equity(*, strategy: str, account: str) -> bool:
    """Whether a limit on this pair is measured against the account's equity."""
    return any(gate.limits_for(rule, strategy=strategy, account=account) for rule in OF_EQUITY)


def read(*, strategy: Strategy, accounts: Sequence[Account], now: datetime) -> Facts:
    """To be called in the transaction that holds the scope locks."""
    slug = strategy.slug
    measured = [one for one in accounts if needs_equity(strategy=slug, account=one.slug)]
    cooling = {one.pk: seconds for one in accounts if (seconds := _seconds(slug, one))}
    counted = any(gate.limits_for("max_orders_per_minute", strategy=slug, account=one.slug) for one in accounts)
    losses, unknown = _losses(strategy.pk, cooling, now=now) if cooling else (None, frozenset[int]())
    return Facts(
        worths=equity.read({one.pk: one for one in measured}),
        orders=_orders(strategy.pk, since=now - MINUTE) if counted else None,
        losses=losses,
        losses_unknown=unknown,
    )


def _seconds(strategy: str, account: Account) -> int:
    limits = gate.limits_for("cooldown_after_loss", strategy=strategy, account=account.slug)
    return max((int(limit.value) for limit in limits), default=0)


def _orders(strategy: int, *, since: datetime) -> dict[int, int]:
    return dict(statements.fetch(_MADE, [_sql(since), strategy]))


# By the index `signals_order_pace` alone. The plus keeps SQLite from going through all orders by account, which would
# save it the sorting.
_MADE = "SELECT +account_id, COUNT(*) FROM signals_order WHERE created_at > %s AND strategy_id = %s GROUP BY 1"


def _losses(strategy: int, cooling: Mapping[int, int], *, now: datetime) -> tuple[dict[int, datetime], frozenset[int]]:
    """Each account's latest round trip that lost money, fees and funding counted, and the accounts of which that
    cannot be told: so many ended since that not all of them were read.

    `cooling`: seconds by account. The index is by strategy and end; the plus keeps SQLite from one by account.
    """
    most = max(_TRIPS_LEAST, _TRIPS_EACH * len(cooling))
    marks = ", ".join(["%s"] * len(cooling))
    found = rows.select(
        RoundTrip,
        *("account_id", "closed_at", "realised_pnl", "fees", "funding"),
        where=f"strategy_id = %s AND closed_at >= %s AND +account_id IN ({marks}) ORDER BY closed_at DESC LIMIT {most}",
        params=[strategy, _sql(now - timedelta(seconds=max(cooling.values()))), *cooling],
    )
    losses: dict[int, datetime] = {}
    for account, closed_at, pnl, fees, funding in found:
        if pnl - fees - funding < 0:
            losses.setdefault(account, closed_at)
    if len(found) < most:
        return losses, frozenset()
    ago = (now - found[-1][1]).total_seconds()  # others may have ended at that very moment
    return losses, frozenset(pk for pk, seconds in cooling.items() if pk not in losses and seconds >= ago)


def _sql(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)
