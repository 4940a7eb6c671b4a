"""A comparison asked for from outside: a trade worker does it, since only such a process may open the keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from accounts.models import Account
from signals.models import Reconciliation, VenueDifference
from signals.reconciliation import cursor
from signals.reconciliation.run import INTERRUPTED
from signals.tending.duties import at_venues
from tradeops.core import clock
from tradeops.core.errors import ConfigurationError

LOOK_SECONDS = 0.2
AGREES, DIFFERS, FAILED, NO_ANSWER = "agrees", "differs", "failed", "no answer"


@dataclass(frozen=True)
class Compared:
    """One account's result; `run` is None when nobody compared it in time."""

    account: Account
    run: Reconciliation | None
    differences: list[VenueDifference]

    @property
    def outcome(self) -> str:
        if self.run is None:
            return NO_ANSWER
        if self.run.problem:
            return FAILED
        return DIFFERS if self.differences else AGREES

    def to_json(self) -> dict[str, Any]:
        run = self.run
        return {
            "account": self.account.slug,
            "outcome": self.outcome,
            "problem": run.problem if run else "no trade worker compared it in time; is the portal running?",
            "started_at": clock.iso_ms(run.started_at) if run else None,
            "finished_at": clock.iso_ms(run.finished_at) if run else None,
            "orders": run.orders if run else None,
            "trades": run.trades if run else None,
            "positions": run.positions if run else None,
            "differences": [
                {
                    "kind": row.kind,
                    "symbol": row.symbol,
                    "reference": row.reference,
                    "ours": row.ours,
                    "venue": row.venue,
                    "since": clock.iso_ms(row.first_seen_at),
                    "detail": row.detail,
                }
                for row in self.differences
            ],
        }


def chosen(slugs: Iterable[str]) -> list[Account]:
    """The accounts of these slugs, or all that have a venue. Raises ConfigurationError naming what cannot be."""
    there = {row.slug: row for row in Account.objects.filter(pk__in=at_venues()).order_by("slug")}
    wanted = list(dict.fromkeys(slugs))
    for slug in wanted:
        if slug in there:
            continue
        known = Account.objects.filter(slug=slug).exists()
        why = "keeps its books here, or is retired: there is no venue to compare it with" if known else "does not exist"
        raise ConfigurationError(f"account {slug!r} {why}; accounts at venues: {', '.join(there) or 'none'}")
    return [there[slug] for slug in wanted] or list(there.values())


def compare(
    accounts: list[Account], *, seconds: float, done: Callable[[Compared], None] = lambda each: None
) -> list[Compared]:
    """Asks for all of them and waits for each one's next comparison; `done` hears of each as it comes."""
    last = Reconciliation.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    cursor.ask([row.pk for row in accounts], now=clock.now())
    waiting = {row.pk: row for row in accounts}
    found: dict[int, Compared] = {}
    until = time.monotonic() + seconds
    while waiting:
        runs = Reconciliation.objects.filter(pk__gt=last, account__in=list(waiting), finished_at__isnull=False)
        for run in runs.exclude(problem=INTERRUPTED).order_by("pk"):  # the next one serves who asked
            if run.account_id in waiting:
                found[run.account_id] = _result(waiting.pop(run.account_id), run)
                done(found[run.account_id])
        if time.monotonic() >= until:
            break
        if waiting:
            time.sleep(LOOK_SECONDS)
    found |= {pk: _result(row, None) for pk, row in waiting.items()}
    return [found[row.pk] for row in accounts]


def _result(account: Account, run: Reconciliation | None) -> Compared:
    rows = VenueDifference.objects.filter(account=account, resolved_at=None).order_by("pk")
    return Compared(account, run, list(rows))
