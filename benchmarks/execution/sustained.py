"""The most signals a second on 4 paper accounts without a growing backlog, and the bare chain of writes beside it.

The rate is raised by steps; the most is the highest at which the last orders are filled as soon as the first ones
were. A run of 20 s at that rate is then what is quoted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import databases, targets
from benchmarks.execution.setting import ACCOUNTS, alerts, paper, portal, settled, whole_rounds
from benchmarks.figures import median, percentile
from benchmarks.processes import PYTHON, Processes

SYMBOLS = ["BTC", "ETH", "SOL", "XRP"]
STEP = 1.15
GROWN_MS = 250
RATIO_MARK = 0.5


@dataclass(frozen=True)
class Result:
    """`rate` in signals a second; `chain` in bare chains of writes a second, one an order."""

    rate: float
    filled: list[float]
    burst: float
    chain: float

    @property
    def orders(self) -> float:
        return self.burst * ACCOUNTS

    @property
    def ratio(self) -> float:
        return self.orders / self.chain

    @property
    def mark(self) -> float:
        return 40 if databases.server() else 25


def measure(folder: Path, *, seconds: float, say: Callable[[str], None]) -> Result:
    with databases.scratch(folder, "sustained") as url, Processes(folder) as processes:
        ours = portal(processes, folder, url, paper(ACCOUNTS), symbols=SYMBOLS)
        chains = [_chain(processes, ours, seconds=seconds / 2)]
        say(f"sustained: the bare chain is written {chains[0]:.0f} times a second")
        target = targets.start_portal(processes, ours, *alerts(SYMBOLS))
        before = databases.count(url, "signals_order")
        target.load(processes, kind="open", rate=5, seconds=whole_rounds(target, rate=5, seconds=3), connections=1)
        settled(url, target.acknowledged * ACCOUNTS + before, seconds=60)
        burst = _burst(processes, target, url, seconds=seconds)
        say(f"sustained: a backlog is worked off at {burst:.0f} signals/s")
        rate, filled = _highest(processes, target, url, start=burst * 0.9, seconds=seconds, say=say)
        processes.stop(target.name)
        chains.append(_chain(processes, ours, seconds=seconds / 2))
        return Result(rate, filled, burst, sum(chains) / 2)


def _burst(processes: Processes, target: targets.Target, url: str, *, seconds: float) -> float:
    """How fast a backlog goes: signals that are all there at once."""
    count = len(target.bodies) * int(4 * seconds)
    begun = time.time()
    target.load(processes, kind="closed", count=count, connections=1)
    settled(url, target.acknowledged * ACCOUNTS, seconds=120)
    [(last,)] = databases.read(url, "SELECT max(finished_at) FROM signals_order")
    return count / (databases.moment(last) - begun)


def _highest(
    processes: Processes, target: targets.Target, url: str, *, start: float, seconds: float, say: Callable[[str], None]
) -> tuple[float, list[float]]:
    rate = start
    while True:
        # One connection: a close never overtakes its buy.
        whole = whole_rounds(target, rate=rate, seconds=seconds)
        sent = target.load(processes, kind="open", rate=rate, seconds=whole, connections=1, pairs=True)["sent"]
        target.flawless()
        settled(url, target.acknowledged * ACCOUNTS, seconds=120)
        filled = _filled(url, sent)
        third = len(filled) // 3
        grown = median(filled[-third:]) - median(filled[:third])
        say(f"sustained: {rate:.0f} signals/s, filled after {median(filled):.0f} ms, {grown:+.0f} ms over the run")
        if grown < GROWN_MS:
            return rate, filled
        rate /= STEP


def _filled(url: str, sent: list[dict[str, float]]) -> list[float]:
    """Milliseconds from the acknowledgement to the last fill of each signal, in the order sent."""
    rows = databases.read(
        url, "SELECT s.public_id, max(o.finished_at) FROM signals_order o JOIN signals_signal s ON s.id = o.signal_id"
        " GROUP BY s.public_id"
    )  # fmt: skip
    last = {signal: databases.moment(at) for signal, at in rows}
    return [(last[one["signal"]] - one["acked_at"]) * 1000 for one in sent]  # type: ignore[index]


def _chain(processes: Processes, ours: targets.Portal, *, seconds: float) -> float:
    """Two processes at once on PostgreSQL; on SQLite a second one only waits for the first."""
    count = 2 if databases.server() else 1
    command = [PYTHON, "-m", "benchmarks.execution.chain", str(count), str(seconds)]
    return float(json.loads(processes.run("chain", command, ours.env)))


def lines(result: Result) -> list[str]:
    return [
        f"| whole portal, {ACCOUNTS} paper accounts, {len(SYMBOLS)} symbols | figure | mark |",
        "|---|---|---|",
        f"| sustained without a growing backlog, signals/s | {result.rate:.0f} | ≥ {result.mark:.0f} |",
        f"| a backlog is worked off at, signals/s | {result.burst:.0f} | |",
        f"| bare chain of writes beside it (18 ORM statements in 3 transactions), orders/s | {result.chain:.0f} | |",
        f"| orders/s ÷ bare chain | {result.ratio:.2f} | ≥ {RATIO_MARK} |",
        f"| acknowledged → last of the signal's fills at the sustained rate, p50 / p95 (ms) "
        f"| {percentile(result.filled, 50):.0f} / {percentile(result.filled, 95):.0f} | |",
    ]
