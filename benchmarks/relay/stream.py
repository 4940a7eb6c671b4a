"""A steady stream to 3 endpoints: how long after its acknowledgement a signal is at the receivers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import databases, targets, worker
from benchmarks.figures import percentile
from benchmarks.processes import Failed, Processes
from benchmarks.relay.setting import ALERTS, Endpoints, portal

RATE = 50
CONNECTIONS = 64
ENDPOINTS = 3
WARM_SECONDS = 3
PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Times:
    """Milliseconds, by one machine's clock. A Worker acknowledges after the delivery: `after_ack` is negative."""

    acknowledged: list[float]
    received: list[float]
    after_ack: list[float]


@dataclass(frozen=True)
class Result:
    sides: dict[str, Times]
    missing: str


def measure(folder: Path, *, seconds: float, say: Callable[[str], None]) -> Result:
    """Raises Failed unless every signal was accepted and reached every receiver."""
    with databases.scratch(folder, "stream") as url, Processes(folder) as processes:
        endpoints = Endpoints(processes, *["well"] * ENDPOINTS)
        missing, sides = "", {}
        try:
            worker.install(processes)
            target = targets.worker(processes, folder, *ALERTS, endpoints=endpoints.ports)
            sides["worker"] = _side(processes, target, endpoints, seconds=seconds)
        except worker.Missing as error:
            missing = str(error)
        target = targets.start_portal(processes, portal(processes, folder, url, endpoints), *ALERTS)
        say(f"relay stream: {RATE} signals/s for {seconds:.0f} s")
        sides["ours"] = _side(processes, target, endpoints, seconds=seconds)
        return Result(sides, missing)


def _side(processes: Processes, target: targets.Target, endpoints: Endpoints, *, seconds: float) -> Times:
    job = {"kind": "open", "rate": RATE, "connections": CONNECTIONS}
    endpoints.forget()
    warm = target.load(processes, **job, seconds=WARM_SECONDS)
    endpoints.all_have(warm["accepted"], seconds=PATIENCE_SECONDS)
    endpoints.forget()
    result = target.load(processes, **job, seconds=seconds, pairs=True)
    target.flawless()
    endpoints.all_have(result["accepted"], seconds=PATIENCE_SECONDS)
    times = pair(result["sent"], endpoints.ask("/arrivals"))
    processes.stop(target.name)
    return times


def pair(sent: list[dict[str, Any]], arrivals: dict[str, list[list[Any]]]) -> Times:
    """The first arrival of each message at each receiver against its sending and its acknowledgement.

    Raises Failed unless each message reached each receiver.
    """
    messages = {one["number"]: one for one in sent}
    received, after_ack = [], []
    for came in arrivals.values():
        seen: set[str] = set()
        for at, number, _id in came:
            if number in messages and number not in seen:
                seen.add(number)
                received.append((at - messages[number]["sent_at"]) * 1000)
                after_ack.append((at - messages[number]["acked_at"]) * 1000)
    if len(received) != len(sent) * len(arrivals):
        raise Failed(f"{len(received)} first arrivals of {len(sent)} messages at {len(arrivals)} receivers")
    acknowledged = [(one["acked_at"] - one["sent_at"]) * 1000 for one in sent]
    return Times(acknowledged, received, after_ack)


def lines(result: Result) -> list[str]:
    found = [
        f"| relay, {RATE} signals/s to {ENDPOINTS} endpoints, no accounts (ms) | p50 | p95 | p99 | samples |",
        "|---|---|---|---|---|",
    ]
    mark = 25 if databases.server() else 60
    for side, times in result.sides.items():
        name = "peer" if side == "worker" else "ours"
        rows = {"sent → acknowledged": times.acknowledged, "sent → at the receiver": times.received}
        if side == "ours":
            rows[f"acknowledged → at the receiver (mark: p50 ≤ {mark})"] = times.after_ack
        for what, values in rows.items():
            figures = " | ".join(f"{percentile(values, p):.1f}" for p in (50, 95, 99))
            found.append(f"| {name}: {what} | {figures} | {len(values):,} |")
    found += ["", "By the clocks of sender and receivers. The Worker acknowledges only after it has delivered."]
    if result.missing:
        found.append(f"The peer was not measured: {result.missing}")
    return found
