"""Identical posts at the same moment, and a database that does not answer: through the real WSGI application."""

import io
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection

from signals.intake import request_log
from signals.models import DedupKey, Signal
from tests.intake.conftest import ALERT, Portal

POSTS = 200


def _environ(body: bytes, token: str) -> dict:
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/webhook/tv",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "203.0.113.9",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_WEBHOOK_TOKEN": token,
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
    }


def _post(application, body: bytes, token: str) -> tuple[int, dict]:
    status: list[str] = []
    answer = application(_environ(body, token), lambda line, _headers: status.append(line))
    content = b"".join(answer)
    answer.close()
    return int(status[0][:3]), json.loads(content)


@pytest.mark.django_db(transaction=True)
def test_200_identical_posts_at_once_are_one_signal():
    portal = Portal()
    portal.source("tv", rate_limit=0)
    application = get_wsgi_application()
    # Each thread has a connection: SQLite takes 200 writers in line, PostgreSQL admits 100 connections in all.
    threads = POSTS if connection.vendor == "sqlite" else 40
    gate = threading.Barrier(threads)
    body = json.dumps(ALERT).encode()

    def posts(count: int) -> list[tuple[int, dict]]:
        gate.wait()
        try:
            return [_post(application, body, portal.secret["tv"]) for _ in range(count)]
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        answers = [one for batch in pool.map(posts, [POSTS // threads] * threads) for one in batch]
    assert sorted(status for status, _ in answers) == [200] * (POSTS - 1) + [201]
    signal = Signal.objects.get()
    assert {body["signal_id"] for _, body in answers} == {signal.public_id}
    assert signal.repeats == POSTS - 1
    assert DedupKey.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_locked_is_a_503_and_nothing_stored(monkeypatch):
    portal = Portal()
    portal.source("tv")
    portal.send("tv")  # the configuration is read
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            other = sqlite3.connect(settings.DATABASES["default"]["NAME"], isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.3)
        else:
            other = connection.copy()
            other.set_autocommit(False)
            other.cursor().execute("LOCK TABLE signals_dedupkey IN EXCLUSIVE MODE")
            cursor.execute("SET lock_timeout = 300")
    try:
        before = time.monotonic()
        sent = portal.send("tv", {**ALERT, "price": 1})
        elapsed = time.monotonic() - before
    finally:
        other.rollback()
        other.close()
        connection.close()
    assert (sent.status, sent.body["code"]) == (503, "unavailable")
    assert sent.body["request_id"] == sent.headers["X-Request-ID"]
    assert elapsed < 2
    assert Signal.objects.count() == 1
    assert portal.send("tv", {**ALERT, "price": 1}).status == 201  # the resend finds no trace of the first
    request_log.discard()


DOWN = """
import io, json, os, time
from tradeops.wsgi import application
seen = []
body = b'{"symbol":"BTCUSDT","action":"buy","token":"any-token-at-all"}'
environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/webhook", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
           "REMOTE_ADDR": "127.0.0.1", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body),
           "wsgi.url_scheme": "http"}
before = time.monotonic()
answer = application(environ, lambda line, headers: seen.extend([line, dict(headers)]))
content = json.loads(b"".join(answer))
print(json.dumps([seen[0], seen[1].get("X-Request-ID"), content, time.monotonic() - before]))
os._exit(0)
"""


def test_without_a_database_the_answer_is_503_in_under_two_seconds():
    variables = {**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none", "TRADEOPS_ROLE": "web"}
    done = subprocess.run([sys.executable, "-c", DOWN], env=variables, capture_output=True, text=True, timeout=60)
    status, request_id, body, elapsed = json.loads(done.stdout.splitlines()[-1])
    assert status == "503 Service Unavailable", done.stderr
    assert (body["code"], body["request_id"]) == ("unavailable", request_id)
    assert elapsed < 2
    assert "any-token-at-all" not in done.stdout + done.stderr
