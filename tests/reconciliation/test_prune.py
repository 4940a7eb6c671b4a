"""A comparison each minute would fill the database; those that say nothing go, the others stay."""

from __future__ import annotations

from datetime import timedelta

from signals.models import Reconciliation
from signals.reconciliation import prune
from tests import factories
from tests.factories import NOW
from tradeops import prune as portal


def test_only_old_regular_ones_that_found_nothing_go(db):
    account = factories.account()

    def run(days: int, **fields) -> int:
        at = NOW - timedelta(days=days)
        values = {"cause": "regular", "finished_at": at, **fields}
        return Reconciliation.objects.create(account=account, started_at=at, **values).pk

    gone = run(8)
    stay = {
        run(6), run(8, cause="demand"), run(8, problem="no answer"), run(8, differences=1), run(8, trades=2),
        run(8, finished_at=None),
    }  # fmt: skip
    assert prune.uneventful(now=NOW, dry_run=True) == 1
    assert portal.run(now=NOW)["comparisons"] == 1
    assert set(Reconciliation.objects.values_list("pk", flat=True)) == stay
    assert gone not in stay
