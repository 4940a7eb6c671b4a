"""`/health` and `/health/ready`: 200, or 503 with the failing part (I1)."""

from datetime import timedelta

import pytest
from django.core.cache import caches
from django.db import OperationalError

from tradeops import health
from tradeops.core import clock, heartbeat

pytestmark = pytest.mark.django_db


@pytest.fixture
def alive():
    for process in health.PROCESSES:
        beat(process)


def beat(process, *, seconds_ago=0):
    now = clock.now() - timedelta(seconds=seconds_ago)
    heartbeat.beat(process=process, started_at=now, now=now)


@pytest.mark.parametrize("path", ["/health", "/health/"])
def test_the_process_is_alive(client, path, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get(path)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("path", ["/health/ready", "/health/ready/"])
def test_everything_is_ready(client, alive, path):
    response = client.get(path)
    body = response.json()
    assert (response.status_code, body["status"], body["failing"]) == (200, "ok", [])
    assert list(body["parts"]) == ["database", "cache", *health.PROCESSES]
    assert body["parts"]["relay"]["age_seconds"] < 5


@pytest.mark.parametrize("silent", health.PROCESSES)
def test_a_silent_process_is_named(client, alive, silent):
    beat(silent, seconds_ago=21)
    response = client.get("/health/ready")
    body = response.json()
    assert (response.status_code, body["status"], body["failing"]) == (503, "unavailable", [silent])
    assert 21 <= body["parts"][silent]["age_seconds"] < 25


def test_before_the_first_heartbeat_nothing_is_ready(client):
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["failing"] == list(health.PROCESSES)
    assert response.json()["parts"]["relay"] == {"ok": False, "age_seconds": None}


def test_a_cache_that_does_not_answer_is_named_without_details(client, alive, monkeypatch):
    def fail(*args, **kwargs):
        raise ConnectionError("redis://secret-host:6379 refused")

    monkeypatch.setattr(caches["limits"], "get", fail)
    response = client.get("/health/ready")
    assert (response.status_code, response.json()["failing"]) == (503, ["cache"])
    assert "secret-host" not in response.content.decode()


def test_a_database_that_does_not_answer_is_named(client, alive, monkeypatch):
    def fail():
        raise OperationalError("could not connect to secret-host")

    monkeypatch.setattr(health, "_database", fail)
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["failing"] == ["database", *health.PROCESSES]
    assert "secret-host" not in response.content.decode()


def test_another_host_of_the_same_process_is_enough(client, alive, monkeypatch):
    beat("relay", seconds_ago=60)
    monkeypatch.setattr(heartbeat, "HOST", "other")
    beat("relay")
    assert client.get("/health/ready").status_code == 200


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
def test_only_reading_is_allowed(client, path):
    assert client.post(path).status_code == 405
    assert client.head(path).status_code in (200, 503)
