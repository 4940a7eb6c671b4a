"""Hostile bodies against the real web processes, while an honest sender goes on: who notices, and what it costs."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import cpu, databases, targets
from benchmarks.faults.attacks import attacks_on
from benchmarks.processes import Processes

HONEST_RATE = 20
GROWTH_MARK = 20_000_000
LARGEST = 64_000


@dataclass(frozen=True)
class Plan:
    """Each attack goes on for `seconds`: the bodies of `corpus` in turn, bodies of 50 MB, announced and in chunks,
    and `slow` connections that hang in their body, or in their head."""

    corpus: Sequence[bytes]
    slow: int = 100
    seconds: float = 15
    warm: float = 3


@dataclass
class Result:
    """Statuses by kind of attack, 0 for a connection closed without a word; bytes of memory by the
    web processes' pids, after each attack of all together."""

    answers: dict[str, Counter[int]] = field(default_factory=dict)
    honest: dict[str, Any] = field(default_factory=dict)
    stored: int = 0
    memory_before: dict[int, int] = field(default_factory=dict)
    memory_most: dict[int, int] = field(default_factory=dict)
    memory_after: dict[str, int] = field(default_factory=dict)

    @property
    def growth(self) -> int:
        """Of the process that grew most, in bytes; one that was started afresh meanwhile counts whole."""
        return max(most - self.memory_before.get(pid, 0) for pid, most in self.memory_most.items())

    def errors(self) -> dict[str, dict[int, int]]:
        """Answers of 500 and above; there must be none."""
        found = {kind: {s: n for s, n in seen.items() if s >= 500} for kind, seen in self.answers.items()}
        return {kind: seen for kind, seen in found.items() if seen}


def measure(folder: Path, plan: Plan, *, variables: dict[str, str] | None = None) -> Result:
    result = Result()
    with databases.scratch(folder, "hostile") as url, Processes(folder) as processes:
        portal = targets.set_up_portal(processes, folder / "hostile", url, targets.INTAKE, **(variables or {}))
        target = targets.start_web(processes, portal)
        # Threads, caches, buffers and imports of ordinary work are not growth: refusals and the largest legal messages
        # included.
        refused = json.dumps({"token": portal.token, "comment": "no symbol {n}"})
        largest = json.dumps({"token": portal.token, "symbol": "BTCUSDT", "comment": "{n}" + "x" * LARGEST})
        for bodies in (target.bodies, (refused,), (largest,)):
            target.load(processes, kind="closed", bodies=bodies, connections=64, seconds=plan.warm)
        attacks = attacks_on(portal.port, portal.token, plan.corpus, slow=plan.slow, seconds=plan.seconds)
        with _Memory(processes.pid("ours")) as memory:
            result.memory_before = memory.now()
            duration = plan.seconds * len(attacks)
            honest = _Honest(processes, target, duration)
            for kind, attack in attacks.items():
                result.answers[kind] = attack()
                result.memory_after[kind] = sum(memory.now().values())
            result.honest = honest.finish()
        result.memory_most = memory.most
        result.stored = target.committed()
    return result


class _Honest:
    """The load generator beside the attacks, in a thread that waits for its process."""

    def __init__(self, processes: Processes, target: targets.Target, seconds: float) -> None:
        def run() -> None:
            self._result = target.load(
                processes, kind="open", rate=HONEST_RATE, connections=16, seconds=seconds
            )  # fmt: skip

        self._result: dict[str, Any] = {}
        self._thread = threading.Thread(target=run)
        self._thread.start()

    def finish(self) -> dict[str, Any]:
        self._thread.join()
        return self._result


class _Memory:
    """Watches the resident memory of a process and everything below it."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.most: dict[int, int] = {}

    def now(self) -> dict[int, int]:
        return cpu.resident(self._pid)

    def _watch(self) -> None:
        while not self._end.wait(0.1):
            for pid, memory in self.now().items():
                self.most[pid] = max(memory, self.most.get(pid, 0))

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def lines(result: Result) -> list[str]:
    honest = result.honest
    seen = "; ".join(f"{kind}: {dict(sorted(answers.items()))}" for kind, answers in result.answers.items())
    lost = honest["broken"] + honest["unanswered"]
    before = sum(result.memory_before.values())
    after = ", ".join(f"{(memory - before) / 1e6:+.1f}" for memory in result.memory_after.values())
    return [
        f"Hostile bodies (answers by status, 0: closed without one): {seen}. "
        f"Answers of 500 and above: **{result.errors() or 'none'}**. Memory of one web process: "
        f"**{result.growth / 1e6:+.1f} MB** at most (mark: < 20); of all of them, after each attack: {after} MB. An "
        f"honest sender meanwhile, {HONEST_RATE}/s: {honest['answers']}, {lost} without "
        f"an answer, p50 {honest['p50']:.0f}, **p99 {honest['p99']:.0f} ms** (mark: < 1,000), "
        f"longest {honest['max']:.0f} ms."
    ]
