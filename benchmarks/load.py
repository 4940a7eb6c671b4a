"""The load generator, in a process of its own: one thread, one selector and no framework, so that it takes little of
the machine it shares (some 30 µs a message); the same for everything that is measured.

`python -m benchmarks.load` reads a job as JSON from its standard input and prints its result as JSON.

both    {"kind", "port", "path", "bodies", "connections", "sign": key or ""}
        `{n}` in a body becomes a number that is used once; with a key, X-Webhook-Signature is the body's hex
        HMAC-SHA256. → {"answers": {status: count}, "broken", "unanswered", "late", "p50", "p95", "p99", "max", "rate",
        "seconds", "sent_first", "answered_last", "cpu_seconds"}
closed  {"warm_seconds", "seconds"} or {"count"}
        each connection sends its next message when the last is answered; rate and percentiles are without the warm-up
open    {"rate", "seconds", "pairs": whether to tell each message}
        a message each 1/rate seconds, whatever the answers do; times run from when it was due, so one that finds
        every connection busy has its wait counted
        → also {"sent": [{"number", "signal", "sent_at", "acked_at"}]} of those with a 2xx, where asked for
copies  {"count", "copies"}
        each message `copies` times at once, over as many connections; the next when all are answered
        → also {"signals": different ids answered, "odd": messages that were not one 201 and else 200 of its id}

Percentiles and `max` are milliseconds, other times seconds since the epoch. `broken` connections were lost with a
message under way, which is not sent again; `unanswered` were given up 30 s after the end; `late` answers took longer
than the 3 s after which TradingView hangs up.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import deque
from typing import Any

from benchmarks.connections import Connections
from benchmarks.copies import copies
from benchmarks.messages import Messages
from benchmarks.tally import GIVE_UP_SECONDS, Tally


def closed(job: dict[str, Any]) -> dict[str, Any]:
    messages = Messages(job)
    limit = job.get("count", sys.maxsize)
    begin = time.perf_counter() + job.get("warm_seconds", 0)
    end = begin + job.get("seconds", float("inf"))
    tally = Tally(begin, end)
    sent = 0
    with Connections(job["port"], job["connections"]) as connections:
        ready = list(connections.all)
        while True:
            now = time.perf_counter()
            for connection in ready:
                if now >= end or sent >= limit:
                    connections.retire(connection)  # so that those the server has not got to yet have their turn
                    continue
                connection.send(*messages.next(), now)
                sent += 1
                now = time.perf_counter()
            ready = []
            if not connections.busy or now > min(end, tally.last) + GIVE_UP_SECONDS:
                break
            for connection, status, _body in connections.wait(1.0):
                tally.add(connection, status)
                ready.append(connection)
        return tally.result(unanswered=connections.busy)


def open_loop(job: dict[str, Any]) -> dict[str, Any]:
    messages = Messages(job)
    start = time.perf_counter() + 0.05
    due = deque(start + number / job["rate"] for number in range(int(job["rate"] * job["seconds"])))
    queue: deque[float] = deque()
    tally = Tally(start, float("inf"))
    pairs: list[dict[str, Any]] = []
    with Connections(job["port"], job["connections"]) as connections:
        idle = deque(connections.all)
        while due or queue or connections.busy:
            now = time.perf_counter()
            while due and due[0] <= now:
                at = due.popleft()
                if idle:
                    idle.popleft().send(*messages.next(), at)
                else:
                    queue.append(at)
            if now > start + job["seconds"] + GIVE_UP_SECONDS:
                break
            for connection, status, body in connections.wait(min(1.0, max(0.0, due[0] - now)) if due else 1.0):
                tally.add(connection, status)
                if job.get("pairs") and 200 <= status < 300:
                    times = {"sent_at": connection.sent_wall, "acked_at": time.time()}
                    pairs.append({"number": str(connection.number), "body": body, **times})
                if queue:
                    connection.send(*messages.next(), queue.popleft())
                else:
                    idle.append(connection)
        result = tally.result(unanswered=connections.busy + len(queue))
    for one in pairs:
        one["signal"] = json.loads(one.pop("body")).get("signal_id", "")
    if job.get("pairs"):
        result["sent"] = pairs
    return result


def main() -> None:
    job = json.load(sys.stdin)
    gc.disable()  # a pause of the generator would be told as one of the server
    print(json.dumps({"closed": closed, "open": open_loop, "copies": copies}[job["kind"]](job)))


if __name__ == "__main__":
    main()
