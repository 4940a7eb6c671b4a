"""N2: somebody outside hears from the portal each minute, as long as it is well."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.receivers import Server, answer
from tests.processes import wait_until
from tradeops import deadman
from tradeops.core import heartbeat

NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


@pytest.fixture
def outside(settings):
    with Server() as server:
        settings.DEADMAN_URL = f"http://127.0.0.1:{server.port}/ping/of-this-test"
        yield server


def alive(*but, at=NOW):
    for name in deadman.NEEDED:
        if name not in but:
            heartbeat.beat(process=name, started_at=at, now=at)


def look(man, *, now=NOW):
    man.look(now=now)
    wait_until(lambda: man._thread is None or not man._thread.is_alive(), seconds=10)


@pytest.mark.django_db
def test_it_calls_while_all_show_a_sign_of_life(outside):
    alive()
    man = deadman.DeadMan()
    look(man)
    look(man)
    assert [request.path for request in outside.requests] == ["/ping/of-this-test"] * 2


@pytest.mark.django_db
@pytest.mark.parametrize("silent", deadman.NEEDED)
def test_it_does_not_call_when_one_is_silent_although_this_process_lives(outside, silent):
    alive(silent)
    heartbeat.beat(process=silent, started_at=NOW, now=NOW - timedelta(seconds=21))
    man = deadman.DeadMan()
    look(man)
    assert outside.requests == []
    assert deadman.unwell(now=NOW) == [silent]


@pytest.mark.django_db
def test_a_failure_is_logged_once_without_the_address(outside, caplog):
    alive()
    outside.default = answer(500)
    man = deadman.DeadMan()
    for _ in range(3):
        look(man)
    assert len(outside.requests) == 3
    told = [record.getMessage() for record in caplog.records if "dead-man" in record.getMessage()]
    assert len(told) == 1
    assert "answered 500" in told[0]
    assert "of-this-test" not in told[0]


@pytest.mark.django_db
def test_without_an_address_it_does_nothing(settings):
    settings.DEADMAN_URL = ""
    alive()
    man = deadman.DeadMan()
    look(man)
    assert man._thread is None
