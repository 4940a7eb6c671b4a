"""Waiting for the write lock: as long as the connection's time-out, and no longer."""

import sqlite3
import threading
import time

import pytest
from django.conf import settings
from django.db import OperationalError, connection, transaction

from tradeops.core.models import Cursor

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite's one write lock"),
]


@pytest.fixture
def other():
    Cursor.objects.create(name="x")
    holder = sqlite3.connect(settings.DATABASES["default"]["NAME"], isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    yield holder
    holder.close()


def test_a_transaction_waits_until_the_lock_is_free(other):
    threading.Timer(0.2, other.rollback).start()
    with transaction.atomic():
        Cursor.objects.filter(name="x").update(position=7)
    assert Cursor.objects.get(name="x").position == 7


def test_a_single_statement_waits_too(other):
    threading.Timer(0.2, other.rollback).start()
    assert Cursor.objects.filter(name="x").update(position=8) == 1


def test_after_its_time_out_it_gives_up_and_has_written_nothing(other, monkeypatch):
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.1)
    with pytest.raises(OperationalError, match="locked"), transaction.atomic():
        Cursor.objects.filter(name="x").update(position=9)
    other.rollback()
    assert Cursor.objects.get(name="x").position == 0


def test_readers_do_not_wait(other, monkeypatch):
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.0)
    assert Cursor.objects.get(name="x").position == 0


def test_several_threads_all_get_their_turn(other):
    done = []

    def write(number):
        try:
            Cursor.objects.create(name=f"t{number}")
            done.append(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    other.rollback()
    for thread in threads:
        thread.join(10)
    assert sorted(done) == list(range(6))
