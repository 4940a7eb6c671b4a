"""What is asked at every turn reads what is open, however long the past is."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from signals.execution import claim, lifecycle, reconcile, resting
from signals.models import Order, Reconciliation, RoundTrip, Signal, WorkItem
from signals.operator import flatten
from signals.pipeline import blocking, route, work
from signals.pipeline.drain import drain
from signals.portfolio import exposure
from signals.risk import facts
from signals.tending import duties
from tests import factories
from tradeops.core import clock
from tradeops.core.models import Cursor

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
        (lambda: Order.objects.filter(lifecycle.UNSETTLED), "signals_order_unsettled"),
        (lambda: Order.objects.filter(lifecycle.UNSETTLED, account=1), "signals_order_unsettled_of"),
        (lambda: Order.objects.filter(flatten.LIVE, account=1), "signals_order_live"),
        (
            lambda: RoundTrip.objects.filter(strategy=1, account=1, symbol="A", side="long", closed_at=None),
            "signals_roundtrip_one_open",
        ),
    ],
)
def test_it_uses_the_partial_index(queryset, index):
    assert index in plan(queryset())


LEDGERS = (
    "signals_signal", "signals_workitem", "signals_decision", "signals_order", "signals_fill", "signals_roundtrip",
    "o",  # the orders, in a join
)  # fmt: skip


def test_whole_turns_never_scan_a_ledger():
    if connection.vendor != "sqlite":
        pytest.skip("as above")
    with connection.cursor() as cursor:
        for statement in _statements():
            cursor.execute("EXPLAIN QUERY PLAN " + statement)
            for row in cursor.fetchall():
                for table in LEDGERS:
                    assert f"SCAN {table} " not in f"{row[3]} " or "INDEX" in row[3], (row[3], statement)


def _statements(turn=None):
    with CaptureQueriesContext(connection) as captured:
        (turn or _turn)()
    return [query["sql"] for query in captured if query["sql"].startswith(("SELECT", "UPDATE", "DELETE"))]


# How a plan says that it goes by one column alone, or through an index from end to end.
BY_ONE_COLUMN = re.compile(rf"(?:SEARCH|SCAN) ({'|'.join(LEDGERS)}) USING (?:COVERING )?INDEX (\w+)(?: \((\w+)=\?\))?$")
SHARED = (None, "account_id", "strategy_id", "source_id", "status", "state")  # by thousands of rows
# Partial indexes of what is open.
OPEN = ("signals_workitem_waiting", "signals_order_unsettled", "signals_order_unsettled_of", "signals_order_live",
        "signals_order_resting", "signals_position_open")  # fmt: skip


def test_the_life_of_a_signal_never_reads_all_that_an_account_or_a_strategy_ever_did():
    """SQLite takes an index by any equality before a partial one, and knows no figures but those of `statistics`."""
    if connection.vendor != "sqlite":
        pytest.skip("as above")
    exits = {"stop_loss": "2%", "take_profit": [{"at": "4%"}]}
    spot = factories.strategy(accounts=[factories.account("paper-1"), factories.account("paper-2")], exits=exits)
    swap = factories.account("paper-3", market="swap")
    swaps = factories.strategy("swaps", accounts=[swap], exits=exits, symbols={"BTCUSDT": "BTC/USDT:USDT"})
    for rule, value in (("max_orders_per_minute", "50"), ("cooldown_after_loss", 60), ("max_drawdown", "90%")):
        factories.limit(rule, value)

    statements = _statements(lambda: _lives(spot, swaps))
    with connection.cursor() as cursor:
        for statement in statements:
            if statement.endswith("DESC LIMIT 1"):
                continue  # what has just ended: it is met first
            cursor.execute("EXPLAIN QUERY PLAN " + statement)
            for row in cursor.fetchall():
                found = BY_ONE_COLUMN.match(row[3])
                assert found is None or found[2] in OPEN or found[3] not in SHARED, (row[3], statement)

    done = Order.objects.filter(status="FILLED").values_list("account__slug", "intent")
    assert sorted(done) == [(f"paper-{number}", intent) for number in (1, 2, 3) for intent in ("close", "open")]
    assert Reconciliation.objects.filter(account=swap).exists()


def _lives(*strategies):
    for action in ("buy", "close"):
        factories.signal(*strategies, action=action)
        drain()
        for duty in duties.DUTIES:
            for key in duty.due(clock.now()):
                duty.run(key, clock.now())


def _turn():
    """Whatever is read from one signal to the next."""
    work.there()
    route.unrouted()
    work.waiting(now=clock.now())
    work.overdue(now=clock.now())
    work.claim(now=clock.now())
    work.lanes_waiting([1, 2])
    work.untried([1, 2], now=clock.now(), limit=64)
    claim.sendable(now=clock.now())
    reconcile.due(now=clock.now())
    exposure.read()
    blocking.look([WorkItem(signal_id=1, strategy_id=1, lane="trend:BTC/USDT")], now=clock.now())
    resting.due(now=clock.now())
    resting.run(1, now=clock.now())


ORDERS, SIGNALS = 3000, 6000


@pytest.fixture
def past():
    """A strategy under every limit that reads the past, and a year of its signals and filled orders, one each hour."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's plans do not go by what is there: see above")
    strategy = factories.strategy(accounts=[factories.account("paper-1")])
    for rule, value in (("max_orders_per_minute", "5"), ("cooldown_after_loss", 60), ("daily_loss", "5%")):
        factories.limit(rule, value)
    signal = factories.signal(strategy)
    drain()
    factories.signal(strategy, action="close")
    drain()
    ages = "now() - n * interval '1 hour'"
    _copies(Signal, SIGNALS, public_id="'p' || n", received_at=ages)
    _copies(WorkItem, SIGNALS, signal_id=f"{signal.pk} + 1 + n", due_at=ages)
    _copies(Order, ORDERS, client_order_id="'c' || n", origin_id="'o' || n", created_at=ages)
    _copies(RoundTrip, ORDERS, opened_at=ages, closed_at=ages)
    Cursor.objects.update(position=Signal.objects.latest("pk").pk)
    for table in ("signal", "workitem", "order", "roundtrip"):
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE signals_{table}")
    return strategy


def _copies(model, count, **values):
    """Of the model's first row, with these columns by SQL of `n`, 1 to `count`."""
    columns = [field.column for field in model._meta.local_concrete_fields if not field.primary_key]
    chosen = ", ".join(values.get(name, f'one."{name}"') for name in columns)
    named = ", ".join(f'"{name}"' for name in columns)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({named}) SELECT {chosen} FROM (SELECT * FROM {table} ORDER BY id LIMIT 1) one"
            f" CROSS JOIN generate_series(1, {count}) n"
        )


def test_a_long_past_is_not_gone_through_for_a_signal(past):
    """PostgreSQL takes a comparison with what it has yet to read to fit a third of all rows, and then reads all."""
    accounts = list(past.accounts.all())
    with CaptureQueriesContext(connection) as captured:
        _turn()
        route.take(now=clock.now())
        assert facts.read(strategy=past, accounts=accounts, now=clock.now()).orders == {accounts[0].pk: 2}
    statements = [query["sql"] for query in captured if query["sql"].startswith(("SELECT", "UPDATE"))]
    assert any("COUNT(*)" in sql for sql in statements)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute("EXPLAIN " + statement)
            plan = "\n".join(row[0] for row in cursor.fetchall())
            for table in LEDGERS:
                assert f"Seq Scan on {table} " not in plan, (statement, plan)


def test_after_a_backlog_it_is_not_looked_for_in_the_whole_table(past):
    """PostgreSQL takes what it counted in a backlog to be there still, and so to be met soon in any order."""
    backlog = WorkItem.objects.filter(pk__gt=WorkItem.objects.earliest("pk").pk + SIGNALS // 2)
    orders = Order.objects.filter(pk__gt=Order.objects.earliest("pk").pk + ORDERS // 2)
    backlog.update(state="waiting")
    orders.update(status="PENDING")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE signals_workitem")
        cursor.execute("ANALYZE signals_order")
    WorkItem.objects.update(state="done")
    Order.objects.update(status="FILLED")

    there, place = *_statements(work.there), route._PLACE.replace("%s", "''")
    for statement, indexes in ((there, {"workitem_waiting", "order_unsettled"}), (place, {"workitem_waiting"})):
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + statement)
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert all(f"using signals_{index} " in plan for index in indexes), plan
        assert "Seq Scan on signals_" not in plan
