"""When tasks are enqueued, and above all when not."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError
from django_q.brokers.orm import ORM
from django_q.models import OrmQ

from tradeops.core import heartbeat, lease
from tradeops.core.models import Heartbeat, Lease
from tradeops.supervisor import canary, dispatcher
from tradeops.supervisor.broker import Broker
from tradeops.supervisor.dispatcher import CANARY_TASK, Dispatcher, Queue, Tickets

pytestmark = pytest.mark.django_db
TASK = "tests.supervisor.tasks.note"


@pytest.fixture
def now():
    return datetime.now(UTC)


def queue(*, waiting=True, slots=2, name="trade"):
    return Queue(name=name, waiting=lambda *, now: waiting, task=TASK, slots=slots)


def rows(task=TASK):
    return [row for row in OrmQ.objects.order_by("pk") if row.task["func"] == task]


def pick_up(row, *, at, retry=60):
    """What a cluster's pusher does."""
    OrmQ.objects.filter(pk=row.pk).update(lock=at + timedelta(seconds=retry))


def later(moment, seconds):
    return moment + timedelta(seconds=seconds)


def test_it_enqueues_one_task_for_waiting_work_and_no_more_until_it_is_picked_up(now):
    turns = Dispatcher([queue()])
    for second in range(5):
        turns.look(now=later(now, second))
    [task] = rows()
    assert task.key == "trade"
    assert task.task["args"] == ()


def test_it_enqueues_nothing_when_nothing_waits():
    Dispatcher([queue(waiting=False)]).look(now=datetime.now(UTC))
    assert rows() == []


def test_it_fills_its_slots_one_after_the_other_while_work_is_left_waiting(now):
    turns = Dispatcher([queue(slots=2)])
    turns.look(now=now)
    pick_up(rows()[0], at=now)
    turns.look(now=later(now, 0.1))
    assert len(rows()) == 1  # the running task may be about to take it
    turns.look(now=later(now, 0.15))
    assert len(rows()) == 1
    turns.look(now=later(now, 0.2))
    assert len(rows()) == 2
    pick_up(rows()[1], at=later(now, 0.2))
    turns.look(now=later(now, 0.3))
    turns.look(now=later(now, 0.4))
    assert len(rows()) == 2


def test_what_a_lingering_task_takes_itself_brings_no_second_task(now):
    waits = iter([True, True, False, True, False])
    turns = Dispatcher([Queue(name="trade", waiting=lambda *, now: next(waits), task=TASK, slots=2)])
    turns.look(now=now)
    pick_up(rows()[0], at=now)
    for tenth in (1, 2, 3, 4):
        turns.look(now=later(now, tenth / 10))
    assert len(rows()) == 1


def test_while_a_task_runs_only_what_is_overdue_brings_a_second(now):
    overdue = iter([False, True, False, True, True])
    turns = Dispatcher(
        [Queue(name="trade", waiting=lambda *, now: True, overdue=lambda *, now: next(overdue), task=TASK, slots=2)]
    )
    turns.look(now=now)
    pick_up(rows()[0], at=now)
    for tenth in (1, 2, 3, 4):
        turns.look(now=later(now, tenth / 10))
        assert len(rows()) == 1
    turns.look(now=later(now, 0.5))
    assert len(rows()) == 2


def test_a_queue_that_may_wait_is_looked_at_less_often(now):
    asked = []
    patient = Queue(name="slow", waiting=lambda *, now: bool(asked.append(now)), task=TASK, slots=1, look_every=0.1)
    turns = Dispatcher([patient])
    for hundredth in (0, 1, 9, 11, 12, 25):
        turns.look(now=later(now, hundredth / 100))
    assert asked == [now, later(now, 0.11), later(now, 0.25)]


def test_the_broker_asks_the_orm_only_when_there_is_something(broker, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert broker.dequeue() == []


def test_a_finished_task_frees_its_slot(now):
    turns = Dispatcher([queue(slots=1)])
    turns.look(now=now)
    [first] = rows()
    first.delete()  # acknowledged
    turns.look(now=later(now, 0.1))
    [second] = rows()
    assert second.pk != first.pk


def test_a_task_that_was_picked_up_and_killed_blocks_for_one_second_only(now):
    turns = Dispatcher([queue(slots=1)])
    turns.look(now=now)
    pick_up(rows()[0], at=later(now, 0.1))
    turns.look(now=later(now, 1.0))
    assert len(rows()) == 1
    turns.look(now=later(now, 1.2))
    turns.look(now=later(now, 1.3))
    assert len(rows()) == 2


def test_the_slow_queue_has_its_own_retry_time(now):
    turns = Dispatcher([queue(name="slow", slots=1)])
    turns.look(now=now)
    [task] = rows()
    assert task.key == "slow"
    pick_up(task, at=now, retry=180)
    turns.look(now=later(now, 0.9))
    assert len(rows()) == 1
    turns.look(now=later(now, 1.1))
    turns.look(now=later(now, 1.2))
    assert len(rows()) == 2


def test_a_cluster_that_is_down_for_long_finds_one_drain_and_one_canary(now, monkeypatch):
    monkeypatch.setattr(dispatcher, "CANARY_SECONDS", 0)
    turns = Dispatcher([queue()])
    for second in range(0, 600, 5):
        turns.look(now=later(now, second))
    assert len(rows()) == 1
    assert len(rows(CANARY_TASK)) == 1


def test_canaries_go_to_every_queue_and_not_more_often_than_every_five_seconds(now):
    turns = Dispatcher([queue(waiting=False), queue(waiting=False, name="slow")])
    turns.look(now=now)
    OrmQ.objects.all().delete()
    turns.look(now=later(now, 1))
    assert rows(CANARY_TASK) == []
    Dispatcher([queue(waiting=False), queue(waiting=False, name="slow")]).look(now=now)
    assert [(row.key, row.task["args"]) for row in rows(CANARY_TASK)] == [("trade", ("trade",)), ("slow", ("slow",))]


def test_the_canary_beats_for_its_queue():
    canary.sing("trade")
    [life] = heartbeat.lives(now=datetime.now(UTC))
    assert (life.process, life.alive) == ("cluster:trade", True)


def test_other_tasks_of_the_queue_do_not_hold_a_slot(now):
    Tickets(queue="trade", task="tests.supervisor.tasks.hang", slots=1).enqueue()
    Dispatcher([queue(slots=1)]).look(now=now)
    assert len(rows()) == 1


@pytest.fixture
def broker(monkeypatch):
    """Without the wait for a commit, which a test in a transaction never sees."""
    monkeypatch.setattr("tradeops.supervisor.broker.wake.watcher", lambda *channels: Nobody())
    monkeypatch.setattr("tradeops.supervisor.broker.time.sleep", lambda _seconds: None)
    return Broker(list_key="trade")


class Nobody:
    def wait(self, seconds):
        return False


def test_the_broker_gives_each_row_once_oldest_first(broker):
    rows = [broker.enqueue(text) for text in ("one", "two")]
    assert broker.last_row == rows[1]
    assert [broker.dequeue() for _ in range(3)] == [[(rows[0], "one")], [(rows[1], "two")], []]


def test_the_broker_takes_nothing_of_another_queue(broker):
    Broker(list_key="slow").enqueue("x")
    assert broker.dequeue() == []


def test_a_row_comes_again_when_its_lock_has_run_out(broker, now):
    row = broker.enqueue("x")
    assert broker.dequeue() == [(row, "x")]
    [lock] = OrmQ.objects.values_list("lock", flat=True)
    assert 59 < (lock - now).total_seconds() < 65
    OrmQ.objects.update(lock=later(now, -1))
    assert broker.dequeue() == [(row, "x")]


def test_the_broker_survives_a_database_that_does_not_answer(broker, monkeypatch):
    def fail(self):
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(ORM, "get_connection", fail)
        patch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.close", lambda self: None)
        assert broker.dequeue() == []
        assert broker.dequeue() == []
    row = broker.enqueue("more")
    assert broker.dequeue() == [(row, "more")]


class Stop:
    """True from the n-th question on."""

    def __init__(self, after):
        self.left = after

    def __call__(self):
        self.left -= 1
        return self.left < 0


@pytest.mark.django_db(transaction=True)
def test_it_runs_under_the_lease_beats_and_gives_the_lease_back():
    dispatcher.run(queues=[queue()], stopped=Stop(after=3))
    assert len(rows()) == 1
    assert Heartbeat.objects.get(process="dispatcher").pid > 0
    assert Lease.objects.get(name="dispatcher").holder == ""


@pytest.mark.django_db(transaction=True)
def test_it_waits_while_another_holds_the_lease():
    lease.acquire(name="dispatcher", seconds=60, now=datetime.now(UTC), holder="elsewhere:1")
    dispatcher.run(queues=[queue()], stopped=Stop(after=2))
    assert rows() == []
    assert not Heartbeat.objects.filter(process="dispatcher").exists()
    assert Lease.objects.get(name="dispatcher").holder == "elsewhere:1"


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_after_an_error_of_the_database(monkeypatch):
    calls = []

    def waiting(*, now):
        calls.append(now)
        if len(calls) == 1:
            raise OperationalError("gone")
        return True

    monkeypatch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.close", lambda self: None)
    dispatcher.run(queues=[Queue(name="trade", waiting=waiting, task=TASK, slots=1)], stopped=Stop(after=6))
    assert len(calls) >= 2
    assert len(rows()) == 1
