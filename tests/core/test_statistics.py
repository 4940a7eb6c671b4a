"""What SQLite's planner is told: the same whatever is stored."""

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from signals.models import Order
from tests import factories
from tradeops.core.sqlite import statistics

pytestmark = pytest.mark.django_db


@pytest.fixture
def sqlite():
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps statistics of its own")


def told(index):
    with connection.cursor() as cursor:
        cursor.execute("SELECT stat FROM sqlite_stat1 WHERE idx = %s", [index])
        return [stat for (stat,) in cursor.fetchall()]


@pytest.mark.usefixtures("sqlite")
def test_after_migrate_it_knows_what_fits_many_rows_and_what_few():
    assert told("signals_order_by_time") == ["1048576 10"]
    assert told("signals_order_at_venue") == ["1048576 131072 10"]  # an account has many orders, a venue's id one
    assert told("signals_order_unsettled_of") == ["500 62 10"]  # in a partial index only what is open
    assert told("signals_roundtrip_one_open") == ["500 62 7 7 1"]  # unique


@pytest.mark.usefixtures("sqlite")
def test_the_figures_are_those_of_an_empty_table_however_much_is_stored():
    before = told("signals_order_live")
    strategy = factories.strategy(accounts=[factories.account("paper-1")])
    for number in range(3):
        factories.order(strategy.accounts.get(), strategy, number=number)

    statistics.write(using="default")

    assert told("signals_order_live") == before == ["500 62 7 7"]
    assert Order.objects.count() == 3


@pytest.mark.usefixtures("sqlite")
def test_a_database_that_lost_them_gets_them_back_with_the_next_migrate():
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sqlite_stat1 WHERE tbl = 'signals_order'")
        cursor.execute("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('signals_order', 'gone', '5 1')")

    call_command("migrate", verbosity=0)

    assert told("signals_order_by_time") == ["1048576 10"]
    assert told("gone") == []


def test_postgresql_is_asked_nothing(django_assert_num_queries):
    if connection.vendor == "sqlite":
        pytest.skip("it is SQLite")
    with django_assert_num_queries(0):
        statistics.write(using="default")


@pytest.mark.parametrize("label", statistics.CONFIGURED)
def test_what_is_called_configured_is_there(label):
    assert apps.get_model(label)._meta.label == label
