"""The load generator, in a process of its own: raw asyncio, so that it takes little of the machine it shares.

`python -m benchmarks.load JOB` takes a job as JSON and prints its result as JSON.

closed  {"kind", "port", "path", "headers", "bodies", "connections", "warm_seconds", "seconds"}
        each connection sends its next message when the last is answered
        → {"rate", "answers": {status: count}, "total", "p50", "p95", "p99"} (ms; rate and percentiles without the
        warm-up, `total` with it)
open    {"kind", "port", "path", "headers", "bodies", "connections", "rate", "seconds"}
        a message each 1/rate seconds, whatever the answers do
        → {"answers", "sent": [{"signal", "sent_at", "acked_at"}]} (seconds since the epoch)

`{n}` in a body becomes a number that is used once.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from benchmarks.figures import percentile

Answered = Callable[["Connection", int, bytes], None]


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self.sent_at = 0.0
        self.sent_wall = 0.0
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True

    def send(self, request: bytes) -> None:
        assert self._transport is not None
        self.sent_at, self.sent_wall = time.perf_counter(), time.time()
        self._transport.write(request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        body = complete(head.lower(), rest) if found else None
        if body is not None:
            self._received = b""
            self._answered(self, int(head[9:12]), body)


def complete(head: bytes, rest: bytes) -> bytes | None:
    """The body of an answer, None while it is not all there. `head` in small letters."""
    mark = head.find(b"content-length:")
    if mark >= 0:
        length = int(head[mark + 15 :].split(b"\r\n", 1)[0])
        return rest if len(rest) >= length else None
    if b"transfer-encoding: chunked" not in head:
        raise RuntimeError(f"an answer of unknown length: {head[:200]!r}")
    body = b""
    while True:
        size, found, rest = rest.partition(b"\r\n")
        if not found or len(rest) < int(size, 16) + 2:
            return None
        if int(size, 16) == 0:
            return body
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]


class Requests:
    """The job's bodies in turn, each with a number of its own, as bytes ready to send."""

    def __init__(self, job: dict[str, Any]) -> None:
        headers = {"Host": f"127.0.0.1:{job['port']}", "Content-Type": "application/json", **job["headers"]}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._head = f"POST {job['path']} HTTP/1.1\r\n{lines}Content-Length: ".encode()
        self._bodies = itertools.cycle([body.encode() for body in job["bodies"]])
        self._numbers = itertools.count(time.time_ns())

    def next(self) -> bytes:
        body = next(self._bodies).replace(b"{n}", str(next(self._numbers)).encode())
        return b"%s%d\r\n\r\n%s" % (self._head, len(body), body)


async def _connect(job: dict[str, Any], answered: Answered) -> list[Connection]:
    loop = asyncio.get_running_loop()
    return [
        (await loop.create_connection(lambda: Connection(answered), "127.0.0.1", job["port"]))[1]
        for _ in range(job["connections"])
    ]


async def _closed(connections: list[Connection]) -> None:
    deadline = time.perf_counter() + 30
    while not all(connection.closed for connection in connections):
        if time.perf_counter() > deadline:
            raise RuntimeError("requests are still unanswered 30 s after the end")
        await asyncio.sleep(0.01)


async def closed(job: dict[str, Any]) -> dict[str, Any]:
    requests, answers = Requests(job), Counter[int]()
    times: list[float] = []
    begin = time.perf_counter() + job["warm_seconds"]
    end = begin + job["seconds"]

    def answered(connection: Connection, status: int, body: bytes) -> None:
        now = time.perf_counter()
        answers[status] += 1
        if begin <= now < end:
            times.append((now - connection.sent_at) * 1000)
        if now < end:
            connection.send(requests.next())
        else:
            connection.close()

    connections = await _connect(job, answered)
    for connection in connections:
        connection.send(requests.next())
    await asyncio.sleep(job["warm_seconds"] + job["seconds"])
    await _closed(connections)
    figures = {f"p{p}": percentile(times, p) for p in (50, 95, 99)}
    return {"rate": len(times) / job["seconds"], "answers": answers, "total": sum(answers.values()), **figures}


async def open_loop(job: dict[str, Any]) -> dict[str, Any]:
    requests, answers = Requests(job), Counter[int]()
    sent: list[dict[str, Any]] = []
    idle: list[Connection] = []

    def answered(connection: Connection, status: int, body: bytes) -> None:
        acked_at = time.time()
        answers[status] += 1
        if status == 201:
            signal = json.loads(body)["signal_id"]
            sent.append({"signal": signal, "sent_at": connection.sent_wall, "acked_at": acked_at})
        idle.append(connection)

    connections = await _connect(job, answered)
    idle += connections
    start, count = time.perf_counter(), int(job["rate"] * job["seconds"])
    for number in range(count):
        await asyncio.sleep(max(0.0, start + number / job["rate"] - time.perf_counter()))
        if not idle:
            raise RuntimeError(f"all {job['connections']} connections wait for an answer")
        idle.pop(0).send(requests.next())
    deadline = time.perf_counter() + 30
    while sum(answers.values()) < count and time.perf_counter() < deadline:
        await asyncio.sleep(0.02)
    for connection in connections:
        connection.close()
    await _closed(connections)
    return {"answers": answers, "sent": sent}


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(json.dumps(asyncio.run({"closed": closed, "open": open_loop}[given["kind"]](given))))
