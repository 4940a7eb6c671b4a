"""What is asked at every turn reads what is open, however long the past is."""

import pytest
from django.db import connection

from signals.execution import claim, reconcile
from signals.models import Order, WorkItem
from signals.pipeline import work
from signals.portfolio import exposure
from tradeops.core import clock

pytestmark = pytest.mark.django_db


def plan(queryset):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's planner goes by statistics, and an empty table is read whole")
    return queryset.explain()


@pytest.mark.parametrize(
    ("queryset", "index"),
    [
        (
            lambda: WorkItem.objects.extra(where=["state = 'waiting'"]).order_by().values("lane"),
            "signals_workitem_waiting",
        ),
        (lambda: Order.objects.filter(claim.UNSETTLED), "signals_order_unsettled"),
    ],
)
def test_it_uses_the_partial_index(queryset, index):
    assert index in plan(queryset())


def test_whole_turns_never_scan_a_ledger():
    if connection.vendor != "sqlite":
        pytest.skip("as above")
    with connection.cursor() as cursor:
        for statement in _statements():
            cursor.execute("EXPLAIN QUERY PLAN " + statement)
            for row in cursor.fetchall():
                for table in ("signals_workitem", "signals_order"):
                    assert f"SCAN {table}" not in row[3] or "INDEX" in row[3], (row[3], statement)


def _statements():
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        work.waiting(now=clock.now())
        work.claim(now=clock.now())
        work.lanes_waiting([1, 2])
        work.untried([1, 2], limit=64)
        claim.sendable(now=clock.now())
        reconcile.due(now=clock.now())
        exposure.read()
    return [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
