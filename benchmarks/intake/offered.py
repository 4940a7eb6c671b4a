"""Messages that come at a given rate, whatever the answers do: how long each waits for its acknowledgement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import databases, targets
from benchmarks.processes import Failed, Processes
from benchmarks.relay.setting import ALERTS, Endpoints, portal

CONNECTIONS = 128
WARM_SECONDS = 2.0


@dataclass(frozen=True)
class Case:
    name: str
    rate: int
    mark: str
    result: dict[str, Any]
    acknowledged: int
    committed: int


def measure(folder: Path, *, seconds: float, say: Callable[[str], None]) -> list[Case]:
    """Raises Failed when fewer rows were committed than messages acknowledged."""
    found = []
    for number, (name, rate, mark, start) in enumerate(CASES):
        say(f"intake, {rate} requests/s offered for {seconds:.0f} s: {name}")
        room = folder / f"offered-{number}"
        room.mkdir()
        with databases.scratch(room, "offered") as url, Processes(room) as processes:
            target = start(processes, room, url)
            target.load(processes, kind="open", connections=CONNECTIONS, rate=rate, seconds=WARM_SECONDS)
            result = target.load(processes, kind="open", connections=CONNECTIONS, rate=rate, seconds=seconds)
            if not result["answers"]:
                raise Failed(f"{name}: nothing was answered")
            found.append(Case(name, rate, mark, result, target.acknowledged, target.committed()))
    return found


def _baseline(processes: Processes, folder: Path, url: str) -> targets.Target:
    targets.set_up_baseline(processes, url)
    return targets.baseline(processes, url, (2, 8))


def _web(processes: Processes, folder: Path, url: str) -> targets.Target:
    return targets.start_web(processes, targets.set_up_portal(processes, folder / "data", url, targets.INTAKE))


def _relaying(processes: Processes, folder: Path, url: str) -> targets.Target:
    endpoints = Endpoints(processes, "well", "well", "well")
    return targets.start_portal(processes, portal(processes, folder, url, endpoints), *ALERTS)


def _trading(processes: Processes, folder: Path, url: str) -> targets.Target:
    return targets.start_portal(processes, targets.set_up_portal(processes, folder / "data", url, targets.INTAKE))


CASES: list[tuple[str, int, str, Callable[[Processes, Path, str], targets.Target]]] = [
    ("baseline, 2 processes × 8 threads", 1000, "", _baseline),
    ("ours, cluster stopped", 1000, "p99 < 50 ms on PostgreSQL", _web),
    ("ours, everything running, relaying each to 3 endpoints", 100, "p99 < 100 ms on PostgreSQL", _relaying),
    ("ours, everything running, trading each on a paper account", 100, "p99 < 100 ms on PostgreSQL", _trading),
]


def lines(cases: list[Case]) -> list[str]:
    found = [
        f"| intake, open loop, {CONNECTIONS} connections | offered/s | acknowledged/s | p50 | p95 | p99 | longest "
        "| answers | mark |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case in cases:
        one = case.result
        times = " | ".join(f"{one[p]:,.1f} ms" for p in ("p50", "p95", "p99", "max"))
        answers = ", ".join(f"{status}: {count:,}" for status, count in sorted(one["answers"].items()))
        lost = one["broken"] + one["unanswered"]
        found.append(
            f"| {case.name} | {case.rate:,} | {one['rate']:,.0f} | {times} | {answers}{f', none: {lost}' * bool(lost)} "
            f"| {case.mark} |"
        )
    total = sum(case.acknowledged for case in cases)
    return [*found, "", f"From when each was due. Every acknowledged message was found committed ({total:,})."]
