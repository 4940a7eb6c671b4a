"""The files beside the database: opened for the first time by several processes at once."""

import sqlite3
import threading

import pytest

from accounts.throttle.file import FileStore
from accounts.throttle.limit import Window
from tradeops.core.limits import FileCounters
from tradeops.core.sqlite import beside

TABLE = "CREATE TABLE IF NOT EXISTS it (a)"


@pytest.fixture
def another(tmp_path):
    """Another process that is at making the file: SQLite refuses a change to WAL then without waiting for it."""
    other = sqlite3.connect(tmp_path / "it.sqlite3", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def test_the_limits_of_venues_wait_until_another_has_made_the_file(another, tmp_path):
    threading.Timer(0.2, another.rollback).start()
    taken = FileStore(tmp_path / "it.sqlite3").take([Window(1, 2.0).place("venue|x", 1)], longest=1.0)
    assert taken.wait == 0.0


def test_the_counters_of_requests_wait_until_another_has_made_the_file(another, tmp_path):
    threading.Timer(0.2, another.rollback).start()
    assert FileCounters(str(tmp_path / "it.sqlite3"), {}).count("a", 3, 60) == 3


def test_who_holds_it_for_too_long_is_told_about(another, tmp_path):
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        beside.connection(tmp_path / "it.sqlite3", TABLE, patience=0.1)
    another.rollback()
    file = beside.connection(tmp_path / "it.sqlite3", TABLE, patience=0.1)
    assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_is_wrong_with_a_file_is_said_at_once(tmp_path):
    (tmp_path / "it.sqlite3").write_bytes(b"no database, but longer than the header of one" * 3)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        beside.connection(tmp_path / "it.sqlite3", TABLE, patience=60)


def test_a_process_opens_it_once(tmp_path):
    first = beside.connection(tmp_path / "it.sqlite3", TABLE, patience=1)
    assert beside.connection(tmp_path / "it.sqlite3", TABLE, patience=1) is first
