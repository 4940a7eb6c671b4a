"""300 connections at once: is everybody answered?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import databases, targets, worker
from benchmarks.processes import Processes

CONNECTIONS = 300


@dataclass(frozen=True)
class Result:
    sides: dict[str, dict[str, Any]]
    seconds: float


def measure(folder: Path, *, seconds: float, say: Callable[[str], None]) -> Result:
    """Raises Failed when fewer rows were committed than messages acknowledged."""
    sides = {}
    with databases.scratch(folder, "crowd") as url, Processes(folder) as processes:
        try:
            worker.install(processes)
            sides["worker"] = _side(processes, targets.worker(processes, folder, endpoints=[]), seconds=seconds)
        except worker.Missing as error:
            say(f"the peer is left out: {error}")
        portal = targets.set_up_portal(processes, folder / "crowd", url, targets.INTAKE)
        sides["ours"] = _side(processes, targets.start_web(processes, portal), seconds=seconds)
    return Result(sides, seconds)


def _side(processes: Processes, target: targets.Target, *, seconds: float) -> dict[str, Any]:
    result = target.load(processes, kind="closed", connections=CONNECTIONS, warm_seconds=0, seconds=seconds)
    target.committed()
    processes.stop(target.name)
    return result


def lines(result: Result) -> list[str]:
    found = [
        f"| intake, {CONNECTIONS} connections for {result.seconds:.0f} s | answered 2xx (mark: 100 %) | other answers "
        "| broken off, unanswered | later than 3 s | requests/s | p50 | p99 | longest |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for side, one in result.sides.items():
        well = sum(count for status, count in one["answers"].items() if 200 <= status < 300)
        lost = one["broken"] + one["unanswered"]
        others = {status: count for status, count in one["answers"].items() if not 200 <= status < 300}
        total = sum(one["answers"].values()) + lost
        times = " | ".join(f"{one[p]:,.0f} ms" for p in ("p50", "p99", "max"))
        found.append(
            f"| {'peer' if side == 'worker' else side} | {100 * well / total:.3f} % of {total:,} | {others or 'none'} "
            f"| {one['broken']}, {one['unanswered']} | {one['late']} | {one['rate']:,.0f} | {times} |"
        )
    return found
