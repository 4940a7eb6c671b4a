"""Waking on another connection's commit, on whichever database the suite runs."""

import threading
import time

import pytest
from django.db import connection, transaction

from tradeops.core import wake
from tradeops.core.models import Cursor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def watcher():
    made = wake.watcher()
    yield made
    made.close()


def commit():
    with transaction.atomic():
        Cursor.objects.create(name=f"wake-{time.monotonic_ns()}")
        wake.notify()


def test_it_times_out_when_nothing_happens(watcher):
    while watcher.wait(0.05):
        pass  # what this test's set-up has committed
    begun = time.monotonic()
    assert watcher.wait(0.1) is False
    assert 0.09 <= time.monotonic() - begun < 1


def test_it_sees_a_commit_that_came_before_it_waited(watcher):
    commit()
    assert watcher.wait(1) is True


def test_it_wakes_up_on_a_commit_within_moments(watcher):
    woken = []

    def wait():
        woken.append((watcher.wait(10), time.monotonic()))

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.2)
    commit()
    committed = time.monotonic()
    thread.join(10)
    [(seen, at)] = woken
    assert seen is True
    assert at - committed < 1


def test_a_transaction_that_rolls_back_wakes_nobody(watcher):
    with transaction.atomic():
        Cursor.objects.create(name="never")
        wake.notify()
        transaction.set_rollback(True)
    assert watcher.wait(0.1) is False


def test_a_listener_whose_connection_broke_listens_again(watcher):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no connection to break")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        commit()
        if watcher.wait(0.5):
            break
    commit()
    assert watcher.wait(2) is True
