"""Bodies: their size, and senders that never finish one."""

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from signals.intake import body
from signals.models import Signal
from tests.intake.conftest import ALERT, Portal

SLOW, HONEST = "198.51.100.7", "203.0.113.9"


class Unfinished(io.RawIOBase):
    """Says when somebody reads, and lets them have the rest only when told."""

    def __init__(self, content, gate):
        self.begun = threading.Event()
        self._content, self._gate = io.BytesIO(content), gate

    def readable(self):
        return True

    def read(self, size=-1):
        self.begun.set()
        assert self._gate.wait(20)
        return self._content.read(size)


def post(portal, address, stream, length):
    try:
        return portal.read(
            portal.client.post(
                "/webhook/tv",
                content_type="text/plain",
                REMOTE_ADDR=address,
                HTTP_X_WEBHOOK_TOKEN=portal.secret["tv"],
                **{"wsgi.input": stream, "CONTENT_LENGTH": str(length)},
            )
        )
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_an_address_with_too_many_unfinished_bodies_is_told_to_finish_them_and_others_pass(monkeypatch):
    monkeypatch.setattr(body, "SLOW_SECONDS", 0.0)
    portal = Portal()
    portal.source("tv", rate_limit=0)
    gate = threading.Event()
    bodies = [json.dumps({**ALERT, "comment": str(number)}).encode() for number in range(body.SLOW_AT_ONCE)]
    streams = [Unfinished(content, gate) for content in bodies]
    with ThreadPoolExecutor(body.SLOW_AT_ONCE) as pool:
        held = [
            pool.submit(post, portal, SLOW, stream, len(content))
            for stream, content in zip(streams, bodies, strict=True)
        ]
        try:
            assert all(stream.begun.wait(20) for stream in streams)
            refused = portal.send("tv", address=SLOW)
            passed = portal.send("tv", address=HONEST)
        finally:
            gate.set()
        assert [one.result().status for one in held] == [201] * body.SLOW_AT_ONCE
    assert (refused.status, refused.body["code"], refused.headers["Retry-After"]) == (429, "too_many_unfinished", "5")
    assert passed.status == 201
    assert Signal.objects.count() == body.SLOW_AT_ONCE + 1
    assert portal.send("tv", {**ALERT, "comment": "now"}, address=SLOW).status == 201
    assert not body._being_read
