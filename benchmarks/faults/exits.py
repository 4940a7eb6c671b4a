"""The state machine of the exits at full length: signals, partial fills, cancels, time-outs, kills, restarts, in any
order (`tests/exits/test_state_machine.py`), in as many processes as there are processors, each with its own seed."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import PYTHON, ROOT, environment

TEST = "tests/exits/test_state_machine.py"
# Where a database file is memory.
MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Result:
    """`failed`: for each process that failed, its seed and the end of what it said."""

    runs: int
    steps: int
    seeds: list[int]
    failed: list[str]
    seconds: float


def measure(folder: Path, *, runs: int, steps: int, processes: int | None = None) -> Result:
    count = processes or os.cpu_count() or 1
    began = time.monotonic()
    running = []
    for number in range(count):
        seed, share = secrets.randbelow(10**9), -(-runs // count)
        log = folder / f"exits-{number}.log"
        running.append((seed, log, _start(log, seed=seed, runs=share, steps=steps)))
    failed = [f"seed {seed}: {_told(log)}" for seed, log, process in running if process.wait()]
    done = -(-runs // count) * count
    return Result(done, steps, [seed for seed, *_ in running], failed, time.monotonic() - began)


def _start(log: Path, *, seed: int, runs: int, steps: int) -> subprocess.Popen[bytes]:
    command = [PYTHON, "-m", "pytest", "-q", TEST, "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:logging"]
    memory = {"TMPDIR": str(MEMORY)} if os.access(MEMORY, os.W_OK) else {}
    given = {"EXITS_RUNS": str(runs), "EXITS_STEPS": str(steps), "DATABASE_URL": "", "REDIS_URL": "", **memory}
    with log.open("wb") as output:
        return subprocess.Popen(
            [*command, f"--hypothesis-seed={seed}"], cwd=ROOT, env=environment(**given), stdout=output, stderr=output
        )


def _told(log: Path) -> str:
    text = log.read_text(errors="replace")
    found = re.findall(r"^E .*$", text, re.M)
    return "\n".join(found[-80:] or text.splitlines()[-15:])


def lines(result: Result) -> list[str]:
    seeds = ", ".join(map(str, result.seeds))
    return [
        f"Exits, whatever comes: {result.runs:,} runs × {result.steps} steps, seeds {seeds}, {result.seconds:.0f} s: "
        f"**{len(result.failed)} of {len(result.seeds)} processes found a fault**.",
        *(f"- {problem}" for problem in result.failed),
    ]
