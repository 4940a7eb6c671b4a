"""Ids are passed on only when no lower one can follow any more, whoever commits when."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection, transaction

from relay.models import Message
from tests.factories import NOW
from tests.processes import wait_until
from tradeops.core import rows
from tradeops.core.settled import Settled

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def settled():
    return Settled(Message)


@pytest.fixture
def postgresql():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time: its ids are in the order of the commits")


def new(**fields) -> Message:
    return rows.make(Message, **{"event": "e", "level": "info", "title": "t", "created_at": NOW, **fields})


def insert() -> int:
    return rows.insert(new()).pk


@contextmanager
def other():
    """A connection of somebody else; what it has not committed is rolled back."""
    given = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    with psycopg.connect(**{name: given[name] for name in names if given.get(name)}) as another:
        yield another
        another.rollback()


def insert_by(another) -> int:
    statement = "INSERT INTO relay_message (event, level, title, signal, strategy, account, symbol, request_id, body,"
    statement += " created_at) VALUES ('e', 'info', 't', '', '', '', '', '', '{}', now()) RETURNING id"
    return another.execute(statement).fetchone()[0]


def test_what_is_committed_is_settled_and_what_is_rolled_back_holds_nothing_up(settled):
    assert settled.upto() in (0, settled.last_drawn())
    first = insert()
    assert settled.upto() == first
    with transaction.atomic():
        insert()
        transaction.set_rollback(True)
    second = insert()
    assert settled.upto() == second
    Message.objects.filter(pk=second).delete()
    assert settled.last_drawn() == second


@pytest.mark.usefixtures("postgresql")
def test_a_slow_commit_is_not_passed_by(settled):
    before = insert()
    assert settled.upto() == before
    with other() as slow:
        late = insert_by(slow)
        quick = insert()
        assert quick > late
        for _ in range(3):
            assert settled.upto() == before
        slow.commit()
        assert settled.upto() == quick
    assert set(Message.objects.values_list("pk", flat=True)) >= {before, late, quick}


@pytest.mark.usefixtures("postgresql")
def test_an_older_transaction_with_the_higher_id_does_not_carry_the_younger_one_away(settled):
    """What comparing transactions with the oldest that runs would get wrong."""
    before = insert()
    assert settled.upto() == before
    with other() as older, other() as younger:
        older.execute("SELECT pg_current_xact_id()")
        late = insert_by(younger)
        higher = insert_by(older)
        older.commit()
        assert higher > late
        assert settled.upto() == before
        younger.commit()
        assert settled.upto() == higher


@pytest.mark.usefixtures("postgresql")
def test_one_that_is_rolled_back_lets_the_others_pass_when_it_ends(settled):
    before = insert()
    assert settled.upto() == before
    with other() as failing:
        insert_by(failing)
        after = insert()
        assert settled.upto() == before
        failing.rollback()
        assert settled.upto() == after


@pytest.mark.usefixtures("postgresql")
def test_a_savepoint_that_is_rolled_back_keeps_its_transactions_place(settled):
    before = insert()
    assert settled.upto() == before
    with other() as trying:
        trying.execute("SAVEPOINT s")
        insert_by(trying)
        trying.execute("ROLLBACK TO SAVEPOINT s")
        second = insert_by(trying)
        after = insert()
        assert settled.upto() == before
        trying.commit()
        assert settled.upto() == after > second


@pytest.mark.usefixtures("postgresql")
def test_a_process_that_begins_beside_an_open_transaction_says_that_it_does_not_know(settled):
    with other() as slow:
        insert_by(slow)
        after = insert()
        assert settled.upto() is None
        slow.commit()
        assert settled.upto() == after


@pytest.mark.usefixtures("postgresql")
def test_more_rows_than_are_looked_through_at_once(settled, monkeypatch):
    monkeypatch.setattr("tradeops.core.settled.MOST", 3)
    before = insert()
    assert settled.upto() == before
    rows.insert_all([new() for _ in range(5)])
    assert settled.upto() == before + 5
    with other() as slow:
        late = insert_by(slow)
        rows.insert_all([new() for _ in range(5)])
        assert settled.upto() == late - 1
        slow.commit()
        assert settled.upto() == late + 5


@pytest.mark.usefixtures("postgresql")
def test_who_draws_many_ids_at_once_draws_them_where_they_are_inserted(settled):
    before = insert()
    assert settled.upto() == before
    many = [new() for _ in range(rows.COPY_FROM)]
    rows.insert_all(many)
    assert settled.upto() == many[-1].pk


@pytest.mark.usefixtures("postgresql")
def test_many_writers_at_once_and_a_reader_that_loses_and_repeats_nothing(settled):
    """Writers that dawdle, roll back and copy; the reader goes by `upto` alone."""
    written: list[int] = []

    def write(number: int) -> None:
        try:
            for turn in range(25):
                mine = []
                try:
                    with transaction.atomic():
                        mine.append(insert())
                        if (turn + number) % 3 == 0:
                            many = [new() for _ in range(rows.COPY_FROM)]
                            rows.insert_all(many)
                            mine += [row.pk for row in many]
                        time.sleep(0.001 * ((turn * 7 + number * 3) % 11))
                        if (turn + number) % 5 == 0:
                            raise ZeroDivisionError
                except ZeroDivisionError:
                    continue
                written.extend(mine)
        finally:
            connection.close()

    seen: list[int] = []

    def read() -> None:
        upto = settled.upto()
        if upto is not None:
            place = seen[-1] if seen else 0
            seen.extend(Message.objects.filter(pk__gt=place, pk__lte=upto).order_by("pk").values_list("pk", flat=True))

    writers = [threading.Thread(target=write, args=[number]) for number in range(6)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        read()
    wait_until(lambda: read() or len(seen) >= len(written), what="the last rows")
    assert seen == sorted(written)
