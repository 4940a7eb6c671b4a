"""The load generator's third manner: each message several times at once, as a nervous sender does."""

from __future__ import annotations

import json
import time
from typing import Any

from benchmarks.connections import Connection, Connections
from benchmarks.messages import Messages
from benchmarks.tally import GIVE_UP_SECONDS, Tally


def copies(job: dict[str, Any]) -> dict[str, Any]:
    """`count` messages, over `connections` in groups of `copies`: a group sends one message on all of its
    connections, and its next when all of these have been answered."""
    messages, size = Messages(job), job["copies"]
    left, odd, signals = job["count"], 0, set()
    tally = Tally(time.perf_counter(), float("inf"))
    with Connections(job["port"], job["connections"]) as connections:
        groups = [connections.all[first : first + size] for first in range(0, job["connections"], size)]
        home = {id(connection): number for number, group in enumerate(groups) for connection in group}
        answers: list[list[tuple[int, bytes]]] = [[] for _ in groups]
        for group in groups[:left]:
            _send(group, messages)
        left -= len(groups[:left])
        while connections.busy and time.perf_counter() < tally.last + GIVE_UP_SECONDS:
            for connection, status, body in connections.wait(1.0):
                tally.add(connection, status)
                number = home[id(connection)]
                answers[number].append((status, body))
                if len(answers[number]) < size:
                    continue
                ids = {json.loads(body).get("signal_id") for status, body in answers[number] if status in (200, 201)}
                signals |= ids
                odd += sorted(status for status, _ in answers[number]) != [200] * (size - 1) + [201] or len(ids) != 1
                answers[number] = []
                if left:
                    left -= 1
                    _send(groups[number], messages)
        result = tally.result(unanswered=connections.busy)
    return {**result, "signals": len(signals), "odd": odd}


def _send(group: list[Connection], messages: Messages) -> None:
    number, message = messages.next()
    for connection in group:
        connection.send(number, message, time.perf_counter())
