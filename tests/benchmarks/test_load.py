"""The benchmark's own instruments: a wrong one would quote wrong figures."""

from __future__ import annotations

import contextlib
import hmac
import json
import math
import secrets
import socketserver
import threading

import pytest

from benchmarks import connections, load, report
from benchmarks.figures import median, percentile


def test_percentiles_are_by_nearest_rank():
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, p) for p in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([3.0], 1) == percentile([3.0], 99) == 3.0
    assert percentile([2.0, 1.0], 50) == 1.0
    assert math.isnan(percentile([], 50))
    assert (median([3.0, 1.0, 2.0]), median([4.0, 1.0])) == (2.0, 2.5)


@pytest.mark.parametrize(
    ("head", "rest", "body"),
    [
        (b"content-length: 5\r\nserver: x", b"hello", b"hello"),
        (b"server: x\r\ncontent-length: 5", b"hell", None),
        (b"transfer-encoding: chunked", b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"transfer-encoding: chunked", b"3\r\nabc\r\n", None),
        (b"transfer-encoding: chunked", b"a\r\nabc", None),
    ],
)
def test_an_answer_counts_only_when_it_is_all_there(head, rest, body):
    assert connections.complete(b"http/1.1 201 created\r\n" + head, rest) == body


class Server:
    """Answers by `answer`, 201 as it stands, and keeps what it was sent."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.port = 0

    def answer(self, number: int) -> bytes | None:
        """To the message of that number from 1; None hangs up."""
        body = json.dumps({"signal_id": str(number)}).encode()
        return b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    def _serve(self, stream) -> None:
        while head := b"".join(iter(stream.readline, b"\r\n") if stream.peek(1) else ()):
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            with self._lock:
                self.heads.append(head)
                self.bodies.append(stream.read(length))
                answer = self.answer(len(self.bodies))
            if answer is None:
                return
            stream.write(answer)
            stream.flush()

    def __enter__(self):
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with self.request.makefile("rwb") as stream, contextlib.suppress(ConnectionError):
                    outer._serve(stream)

        self._lock = threading.Lock()
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()  # waits for the handlers
        self._thread.join(10)


class HangsUp(Server):
    """On its third message."""

    def answer(self, number):
        return None if number == 3 else super().answer(number)


class Busy(Server):
    """Says 503 to every second message, and then closes the connection."""

    def answer(self, number):
        if number % 2:
            return super().answer(number)
        return b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def run(kind, server=None, **job):
    with server or Server() as running:
        common = {"port": running.port, "path": "/x", "bodies": ['{"n": "a{n}"}', '{"n": "b{n}"}']}
        return kind({**common, **job}), running


def test_the_closed_loop_counts_every_answer_and_sends_nothing_twice():
    result, server = run(load.closed, connections=4, warm_seconds=0.1, seconds=0.3)
    assert result["answers"] == {201: len(server.bodies)}
    assert (result["broken"], result["unanswered"], result["late"]) == (0, 0, 0)
    assert len(server.bodies) == len(set(server.bodies)) > 4
    assert 0 < result["rate"] * result["seconds"] < len(server.bodies)  # the warm-up is not in the rate
    assert 0 < result["p50"] <= result["p95"] <= result["p99"] <= result["max"]
    assert result["cpu_seconds"] > 0


def test_a_closed_loop_of_a_number_sends_that_number():
    result, server = run(load.closed, connections=3, count=10)
    assert result["answers"] == {201: 10}
    assert len(set(server.bodies)) == 10
    assert result["sent_first"] < result["answered_last"]


def test_a_lost_connection_is_counted_and_its_message_not_sent_again():
    result, server = run(load.closed, HangsUp(), connections=1, count=5)
    assert (result["answers"], result["broken"]) == ({201: 4}, 1)
    assert len(server.bodies) == len(set(server.bodies)) == 5


def test_a_connection_that_the_server_closes_after_its_answer_is_replaced():
    result, _ = run(load.closed, Busy(), connections=1, count=6)
    assert (result["answers"], result["broken"]) == ({201: 3, 503: 3}, 0)


def test_the_open_loop_keeps_its_rate_and_pairs_each_answer_with_its_message():
    result, server = run(load.open_loop, connections=4, rate=50, seconds=0.4, pairs=True)
    assert result["answers"] == {201: 20}
    assert sorted(int(one["signal"]) for one in result["sent"]) == list(range(1, 21))
    assert len(set(server.bodies)) == 20
    times = sorted(one["sent_at"] for one in result["sent"])
    assert times[-1] - times[0] > 0.3
    assert all(one["acked_at"] >= one["sent_at"] for one in result["sent"])


def test_a_message_that_finds_every_connection_busy_has_its_wait_counted():
    result, server = run(load.open_loop, connections=1, rate=100000, seconds=0.002)
    assert result["answers"] == {201: 200}
    assert result["max"] > 10 * result["seconds"] / 200 * 1000  # the last was due at once and sent at the end
    assert len(server.bodies) == 200


def test_messages_are_signed_where_the_job_has_a_key():
    key = secrets.token_hex(16)
    _, server = run(load.closed, connections=1, count=2, sign=key)
    for head, body in zip(server.heads, server.bodies, strict=True):
        expected = hmac.new(key.encode(), body, "sha256").hexdigest()
        assert f"X-Webhook-Signature: {expected}\r\n".encode() in head


def test_a_page_keeps_its_words_and_gets_the_new_table(tmp_path):
    page = tmp_path / "performance.md"
    report.write(page, ["first"])
    page.write_text(page.read_text() + "\nWhat it means.\n")
    report.write(page, ["second", "line"])
    assert page.read_text() == (f"# Performance\n\n{report.BEGIN}\nsecond\nline\n{report.END}\n\nWhat it means.\n")
