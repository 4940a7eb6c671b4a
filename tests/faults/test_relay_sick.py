"""One endpoint that is well beside four that are sick (L4): the real sender, as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from relay.models import Attempt, Delivery, Endpoint, EndpointState
from tests.fakes.receivers import Server, answer, drip, hang, reset
from tests.processes import wait_until
from tests.relay.conftest import endpoint, loopback, send  # noqa: F401  (loopback is a fixture)

ROOT = Path(__file__).resolve().parent.parent.parent
S = Delivery.Status
SIGNALS = 60
SICK = {"5xx": answer(503), "hang": hang(), "reset": reset(), "slow drip": drip(500)}


@pytest.fixture
def sender(tmp_path):
    """`manage.py relay_sender` on the test's own database."""
    database = connection.settings_dict
    if connection.vendor == "postgresql":
        host, port = database["HOST"] or "127.0.0.1", database["PORT"] or 5432
        who = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
        url = f"postgres://{who}@{host}:{port}/{database['NAME']}"
    else:
        url = f"sqlite:///{database['NAME']}"
    environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tradeops.settings"}
    log = (tmp_path / "sender.log").open("w+")
    command = [sys.executable, str(ROOT / "manage.py"), "relay_sender"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, stdout=log)
    yield process
    process.kill()
    process.wait()
    log.seek(0)
    print(log.read())
    log.close()


@pytest.mark.processes
def test_four_sick_endpoints_do_not_hold_up_the_one_that_is_well(loopback, sender):  # noqa: F811
    servers = {name: Server(default=give) for name, give in SICK.items()}
    with Server() as well:
        for server in servers.values():
            server.__enter__()
        try:
            healthy = endpoint(well, "well", timeout_seconds=1)
            rows = [
                endpoint(server, f"sick-{number}", timeout_seconds=1)
                for number, server in enumerate(servers.values(), 1)
            ]
            sent = [
                send(healthy, *rows, lane=f"trend|S{number % 12}", at=timezone.now(), seconds=20)
                for number in range(SIGNALS)
            ]
            subjects = [each[0].subject for each in sent]
            wait_until(lambda: len(set(well.ids())) == SIGNALS, seconds=15, what="all of them at the one that is well")
            undelivered = Delivery.objects.filter(status__in=(S.PENDING, S.RETRYING))
            assert undelivered.filter(endpoint__in=rows).exists(), "before the sick ones are given up"
            wait_until(lambda: not undelivered.exists(), seconds=60, what="an end for every delivery")
        finally:
            for server in servers.values():
                server.__exit__()
    assert sorted(well.ids()) == sorted(subjects), "each once"
    settled = Counter(Delivery.objects.values_list("endpoint__slug", "status"))
    assert settled == {("well", S.DELIVERED): SIGNALS, **{(row.slug, S.DEAD): SIGNALS for row in rows}}
    assert not Delivery.objects.filter(status=S.DEAD, reason="").exists()
    assert set(EndpointState.objects.exclude(breaker="CLOSED").values_list("endpoint__slug", flat=True)) == {
        row.slug for row in rows
    }
    for row, server in zip(rows, servers.values(), strict=True):
        assert set(server.ids()) <= set(subjects), "the same id on every try"
        assert Attempt.objects.filter(delivery__endpoint=row).count() == len(server.requests)
    assert Endpoint.objects.filter(active=True).count() == 5
