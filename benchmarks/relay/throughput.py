"""From the first post to the last delivery to 3 endpoints, every attempt stored; peer and ours in turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import databases, targets, worker
from benchmarks.figures import median
from benchmarks.processes import Failed, Processes
from benchmarks.relay.setting import ALERTS, SYMBOLS, Endpoints, portal

CONNECTIONS = 32
ENDPOINTS = 3
WARM = 60
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Result:
    """`rounds` has one entry a round: {"signals_per_second", "post_rate", "last_arrival", "end", "cpu", …}."""

    signals: int
    rounds: dict[str, list[dict[str, float]]]
    committed: dict[str, int]
    missing: str

    @property
    def ratio(self) -> float:
        pairs = zip(self.rounds["ours"], self.rounds["worker"], strict=True)
        return median([ours["rate"] / theirs["rate"] for ours, theirs in pairs])


def measure(folder: Path, *, signals: int, rounds: int, say: Callable[[str], None]) -> Result:
    """Each server is started for its round and stopped after it, so that the other's idle one takes nothing."""
    with databases.scratch(folder, "relay") as url, Processes(folder) as processes:
        endpoints = Endpoints(processes, *["well"] * ENDPOINTS)
        ours = portal(processes, folder, url, endpoints)
        sides: dict[str, Callable[[], targets.Target]] = {
            "ours": lambda: targets.start_portal(processes, ours, *ALERTS)
        }
        missing = ""
        try:
            worker.install(processes)
            sides["worker"] = lambda: targets.worker(processes, folder, *ALERTS, endpoints=endpoints.ports)
        except worker.Missing as error:
            missing = str(error)
            say(f"the peer is left out: {missing}")
        results: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
        committed = dict.fromkeys(sides, 0)
        for number in range(rounds):
            for name in sorted(sides, reverse=number % 2 == 0):
                target = sides[name]()
                figures = _round(processes, target, endpoints, url, signals=signals)
                committed[name] += target.committed()
                processes.stop(name)
                results[name].append(figures)
                say(f"relay round {number + 1} of {rounds}: {name} {figures['rate']:,.0f} signals/s")
        return Result(signals, results, committed, missing)


def _round(
    processes: Processes, target: targets.Target, endpoints: Endpoints, url: str, *, signals: int
) -> dict[str, float]:
    attempts = _attempts(url) if target.name == "ours" else 0
    endpoints.forget()
    target.load(processes, kind="closed", connections=CONNECTIONS, count=WARM)
    endpoints.all_have(WARM, seconds=30)
    endpoints.forget()
    receivers_before, server_before = endpoints.cpu(), processes.cpu(target.name)
    posted = target.load(processes, kind="closed", connections=CONNECTIONS, count=signals)
    target.flawless()
    arrived = endpoints.all_have(signals, seconds=PATIENCE_SECONDS)
    end = max(arrived, posted["answered_last"])
    if target.name == "ours":
        end = max(end, _stored(url, attempts + ENDPOINTS * (signals + WARM)))
    return {
        "rate": signals / (end - posted["sent_first"]),
        "post_rate": posted["rate"],
        "arrival_rate": signals / (arrived - posted["sent_first"]),
        "server_cpu": (processes.cpu(target.name) - server_before) / signals,
        "load_cpu": posted["cpu_seconds"] / signals,
        "receivers_cpu": (endpoints.cpu() - receivers_before) / signals,
    }


def _attempts(url: str) -> int:
    return databases.count(url, "relay_attempt")


def _stored(url: str, attempts: int) -> float:
    """Waits until that many attempts are committed and nothing is undelivered; the time it was seen. Raises Failed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        at = time.time()
        undelivered = databases.count(url, "relay_delivery WHERE status <> 'DELIVERED'")
        if not undelivered and _attempts(url) == attempts:
            return at
        if time.monotonic() > deadline:
            raise Failed(f"{_attempts(url)} of {attempts} attempts are stored, {undelivered} deliveries not delivered")
        time.sleep(0.02)


NAMES = {
    "worker": "peer: Cloudflare Worker under workerd, HMAC, its log written before the answer",
    "ours": "ours: whole portal, decided, signed, every attempt stored",
}


def lines(result: Result) -> list[str]:
    committed = ", ".join(f"{name} {rows:,}" for name, rows in result.committed.items())
    found = [
        f"| relay, {result.signals:,} signals of {len(SYMBOLS)} symbols to {ENDPOINTS} endpoints, no accounts, "
        f"{CONNECTIONS} connections | signals/s, first post → last delivery stored (median; range) "
        "| → last arrival | acknowledged a second | CPU of the server a signal | of the generator | of the receivers |",
        "|---|---|---|---|---|---|---|",
        *(_row(NAMES[name], result.rounds[name]) for name in ("worker", "ours") if name in result.rounds),
        "",
    ]
    if result.missing:
        found.append(f"The peer was not measured: {result.missing}")
    else:
        found.append(f"**ours ÷ peer: {result.ratio:.2f}** (mark: ≥ 1).")
    found.append(
        f"Median of {len(result.rounds['ours'])} rounds in turn, each server alone. Every acknowledged message was "
        f"found committed ({committed}) and reached all {ENDPOINTS} receivers."
    )
    return found


def _row(name: str, rounds: list[dict[str, Any]]) -> str:
    rates = [one["rate"] for one in rounds]
    others = " | ".join(f"{median([one[of] for one in rounds]):,.0f}" for of in ("arrival_rate", "post_rate"))
    costs = " | ".join(
        f"{1e6 * median([one[of] for one in rounds]):,.0f} µs" for of in ("server_cpu", "load_cpu", "receivers_cpu")
    )
    return f"| {name} | {median(rates):,.0f}; {min(rates):,.0f}–{max(rates):,.0f} | {others} | {costs} |"
