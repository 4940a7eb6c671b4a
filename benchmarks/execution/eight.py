"""A venue that takes 100 ms for every answer: eight accounts against one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import databases, targets
from benchmarks.execution.setting import Venue, alerts, at_venue, portal, settled
from benchmarks.figures import median
from benchmarks.processes import Processes

SLOW_MS = 100
MANY = 8
MARK = 2.0


@dataclass(frozen=True)
class Result:
    """Milliseconds from the acknowledgement to the last fill booked, the median of the signals."""

    one: float
    many: float


def measure(folder: Path, *, signals: int, say: Callable[[str], None]) -> Result:
    found = {}
    for count in (1, MANY):
        room = folder / f"{count}"
        room.mkdir()
        found[count] = _median(room, count, signals=signals)
        say(f"eight: {count} accounts at {SLOW_MS} ms: {found[count]:.0f} ms")
    return Result(found[1], found[MANY])


def _median(folder: Path, count: int, *, signals: int) -> float:
    with databases.scratch(folder, f"of{count}") as url, Processes(folder) as processes:
        venue = Venue(processes, folder, accounts=count, slow_ms=SLOW_MS)
        ours = portal(processes, folder, url, at_venue(venue), count=count, market="swap")
        target = targets.start_portal(processes, ours, *alerts())
        times = []
        for number in range(signals + 4):
            # Bodies start anew with each load: the same alert would be bought twice.
            [sent] = _send(processes, target, number)
            settled(url, target.acknowledged * count, seconds=30)
            [(last,)] = databases.read(url, "SELECT max(finished_at) FROM signals_order")
            times.append((databases.moment(last) - sent["acked_at"]) * 1000)
            time.sleep(0.1)
        return median(times[4:])  # instruments, settings and connections are fetched by the first


def _send(processes: Processes, target: targets.Target, number: int) -> list[dict[str, float]]:
    body = target.bodies[number % len(target.bodies)]
    job = {"bodies": [body.replace("{n}", f"eight {number} {{n}}")], "rate": 1, "seconds": 1, "connections": 1}
    sent: list[dict[str, float]] = target.load(processes, kind="open", pairs=True, **job)["sent"]
    target.flawless()
    return sent


def lines(result: Result) -> list[str]:
    return [
        f"| venue that answers after {SLOW_MS} ms (ms, acknowledged → last fill booked, p50) | 1 account "
        f"| {MANY} accounts | ratio | mark |",
        "|---|---|---|---|---|",
        f"| whole portal | {result.one:.0f} | {result.many:.0f} | {result.many / result.one:.2f} | < {MARK} |",
    ]
