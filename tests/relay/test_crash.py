"""DESIGN §3: a sender may be killed at any moment; nothing is lost, and nothing goes out under another id."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from relay.delivery import claim, endpoints, settle
from relay.models import Attempt, Delivery
from tests.fakes.receivers import Server, answer, hang
from tests.processes import wait_until
from tradeops.core.holder import Holder
from tradeops.core.models import Heartbeat

from .conftest import NOW, endpoint, fresh, send

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def server():
    with Server() as running:
        yield running


@pytest.fixture
def ended_pid():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def take(holder, *, now=NOW, room=10):
    receivers = endpoints.routing().receivers
    return claim.take(receivers=receivers, slots=dict.fromkeys(receivers, room), holder=holder, now=now)


def test_a_claim_fits_its_column_and_names_machine_and_process():
    token = Holder().token()
    machine, pid, rest = token.split(":")
    assert len(machine) == 8
    assert int(pid) == os.getpid()
    assert len(rest) > 8
    assert len(f"{machine}:{2**22}:{rest}ffffff") <= Delivery._meta.get_field("claim_token").max_length
    holder = Holder()
    assert len({holder.token() for _ in range(100)}) == 100


def test_who_counts_as_dead(ended_pid):
    holder, other = Holder(), Holder()
    machine = holder.token().partition(":")[0]
    assert holder.died(f"{machine}:{ended_pid}:aaaa.1")
    assert holder.died(f"{machine}:{os.getpid()}:before-us.1"), "the process id was somebody else's before"
    assert not holder.died(holder.token())
    assert not holder.died(other.token())
    assert not holder.died(f"{machine}:{os.getppid()}:aaaa.1")
    assert not holder.died(f"{machine}:1:aaaa.1")
    assert not holder.died(f"00000000:{ended_pid}:aaaa.1"), "another machine's process ids mean nothing here"
    for nonsense in ("", ":", "::", f"{machine}:", f"{machine}:x:y", "0" * 32):
        assert not holder.died(nonsense)


def test_a_dead_senders_claims_are_taken_over_at_once_and_a_living_ones_are_not(loopback, server, ended_pid):
    row = endpoint(server)
    [orphan], [held], [remote] = (send(row, lane=lane) for lane in ("a", "b", "c"))
    holder = Holder()
    machine = holder.token().partition(":")[0]
    for delivery, token in (
        (orphan, f"{machine}:{ended_pid}:aaaa.1"),
        (held, f"{machine}:{os.getppid()}:aaaa.1"),
        (remote, f"00000000:{ended_pid}:aaaa.1"),
    ):
        Delivery.objects.filter(pk=delivery.pk).update(claim_token=token, lease_until=NOW + timedelta(seconds=12))
    assert take(holder) == []
    assert claim.free_dead(holder=holder) == 1
    assert [delivery.pk for delivery in take(holder)] == [orphan.pk]


def test_a_lease_lasts_for_the_endpoints_time_out_and_a_little(loopback, server):
    [delivery] = send(endpoint(server, timeout_seconds=7))
    [mine] = take(Holder())
    assert fresh(delivery).lease_until == NOW + timedelta(seconds=9)
    assert take(Holder(), now=NOW + timedelta(seconds=8.9)) == []
    [again] = take(Holder(), now=NOW + timedelta(seconds=9))
    assert again.claim_token != mine.claim_token


def test_the_result_of_a_lost_claim_is_stored_as_a_try_and_changes_nothing(by_hand, loopback, server):
    [delivery] = send(endpoint(server, timeout_seconds=1))
    server.script = [hang(1), answer(500)]
    by_hand.start()
    [other] = take(Holder(), now=NOW + timedelta(seconds=4))
    by_hand.round()
    assert fresh(delivery).claim_token == other.claim_token
    assert fresh(delivery).status == Delivery.Status.PENDING
    assert fresh(delivery).tries == 0
    assert Attempt.objects.count() == 1


def test_results_wait_for_a_database_that_does_not_answer(by_hand, server, monkeypatch):
    [delivery] = send(endpoint(server))
    write = settle.write

    def unreachable(results):
        raise OperationalError("gone")

    monkeypatch.setattr(settle, "write", unreachable)
    by_hand.start()
    with pytest.raises(OperationalError):
        by_hand.round()
    assert fresh(delivery).status == Delivery.Status.PENDING
    monkeypatch.setattr(settle, "write", write)
    by_hand.round()
    assert fresh(delivery).status == Delivery.Status.DELIVERED
    assert len(server.requests) == 1, "nothing was sent twice"


def test_a_drain_waits_for_what_is_in_flight(by_hand, server):
    server.script = [hang(0.3)]
    [delivery] = send(endpoint(server))
    by_hand.start()
    by_hand.drain()
    assert fresh(delivery).status == Delivery.Status.DELIVERED


def test_a_drain_cuts_off_what_does_not_end_and_gives_it_back(by_hand, server, monkeypatch):
    monkeypatch.setattr("relay.delivery.loop.DRAIN_SECONDS", 0.2)
    server.script = [hang()]
    [delivery] = send(endpoint(server))
    by_hand.start()
    by_hand.drain()
    delivery = fresh(delivery)
    assert (delivery.status, delivery.claim_token, delivery.lease_until) == (Delivery.Status.RETRYING, "", None)
    assert delivery.attempts.get().error == "the sender was stopped before an answer came"


# Real processes ----------------------------------------------------------------------------------------------------


@pytest.fixture
def start_sender(tmp_path):
    """`manage.py relay_sender` as a process on the test's own database."""
    database = connection.settings_dict
    if connection.vendor == "postgresql":
        host, port = database["HOST"] or "127.0.0.1", database["PORT"] or 5432
        who = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
        url = f"postgres://{who}@{host}:{port}/{database['NAME']}"
    else:
        url = f"sqlite:///{database['NAME']}"
    started = []
    log = (tmp_path / "sender.log").open("w+")

    def start():
        environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tradeops.settings"}
        command = [sys.executable, str(ROOT / "manage.py"), "relay_sender"]
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, stdout=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
    log.seek(0)
    print(log.read())
    log.close()


def deliveries(status):
    return Delivery.objects.filter(status=status).count()


@pytest.mark.processes
def test_after_a_kill_in_the_middle_the_next_sender_goes_on_at_once(loopback, server, start_sender):
    """The endpoint's lease would last 32 s: the next sender sees that its holder is dead."""
    now = timezone.now()
    server.default = hang()
    row = endpoint(server, timeout_seconds=30)
    sent = [send(row, lane=f"lane-{number}", at=now)[0] for number in range(10)]
    first = start_sender()
    wait_until(lambda: len(server.requests) == 10, what="ten requests in flight")
    first.send_signal(signal.SIGKILL)
    first.wait()
    server.default = answer()
    start_sender()
    wait_until(lambda: deliveries("DELIVERED") == 10, seconds=20, what="all delivered")
    ids = server.ids()
    assert sorted(set(ids)) == sorted(each.subject for each in sent)
    assert len(ids) == 20, "each once more, under the id it had"


@pytest.mark.processes
def test_two_senders_and_a_stop_lose_nothing_and_repeat_nothing(loopback, server, start_sender):
    server.default = hang(0.02)
    row = endpoint(server)
    first = start_sender()
    start_sender()
    wait_until(lambda: Heartbeat.objects.filter(process="relay").exists(), what="a sign of life")
    sent = []
    for number in range(100):
        sent += send(row, lane=f"lane-{number % 7}", at=timezone.now())
        if number == 50:
            first.send_signal(signal.SIGTERM)
    assert first.wait(15) == 0
    wait_until(lambda: deliveries("DELIVERED") == 100, seconds=20, what="all delivered")
    assert Attempt.objects.count() == len(server.requests) == 100
    lanes = {}
    of = {each.subject: each.lane for each in sent}
    for subject in server.ids():
        lanes.setdefault(of[subject], []).append(subject)
    for lane, subjects in lanes.items():
        assert subjects == [each.subject for each in sent if each.lane == lane]
