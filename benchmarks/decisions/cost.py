"""What one decision costs in processor time with every rule on, and whether a past of a million signals and a hundred
thousand trades makes it dearer: two databases in one run, in turn.

It is the time of the process that decides: on SQLite the database is in it, on PostgreSQL the server's own is not.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import databases, targets
from benchmarks.decisions import past
from benchmarks.decisions.setting import COUNTS, SLUGS, configuration
from benchmarks.figures import median, percentile
from benchmarks.processes import PYTHON, ROOT, Failed, Processes

MARK_MS, MARK_RATIO = 2.5, 1.2
SMALL, BIG = "small", "big"
WARM_ROUNDS = 3


@dataclass
class Series:
    """Milliseconds a signal, routing and decision: a median of each repeat, and every signal's. `statements` of an
    entry."""

    entries: list[float] = field(default_factory=list)
    routing: list[float] = field(default_factory=list)
    exits: list[float] = field(default_factory=list)
    all_entries: list[float] = field(default_factory=list)
    statements: int = 0


@dataclass(frozen=True)
class Result:
    """By database and number of accounts."""

    stored: int
    found: dict[str, dict[int, Series]]

    def ratio(self, count: int) -> float:
        small, big = self.found[SMALL][count].entries, self.found[BIG][count].entries
        return median([more / less for more, less in zip(big, small, strict=True)])


class Worker:
    """`with Worker(env, log) as worker:` — see `benchmarks.decisions.worker`."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [PYTHON, "-m", "benchmarks.decisions.worker"], env=env, cwd=ROOT, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip

    def __enter__(self) -> Worker:
        if self._line() != "ready":
            raise Failed(f"a worker did not start: {self._log.read_text()[-2000:]}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, **job: Any) -> dict[str, Any]:
        """Raises Failed."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        if not (line := self._line()):
            raise Failed(f"a worker ended: {self._log.read_text()[-2000:]}")
        found: dict[str, Any] = json.loads(line)
        return found

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def measure(folder: Path, *, stored: int, rounds: int, repeats: int, say: Callable[[str], None]) -> Result:
    """Raises Failed where a signal is not approved and filled on all of its accounts."""
    with (
        databases.scratch(folder, SMALL) as small,
        databases.scratch(folder, BIG) as big,
        Processes(folder) as processes,
    ):
        portals = {
            name: targets.set_up_portal(processes, folder / name, url, configuration())
            for name, url in ((SMALL, small), (BIG, big))
        }
        for name, portal in portals.items():
            with Worker(portal.env, processes.log(f"first-{name}")) as worker:
                for slug in SLUGS.values():
                    worker.ask(strategy=slug, rounds=1, hold=True)
        say(f"storing {stored:,} signals and {stored // 10:,} trades")
        past.seed(big, signals=stored)
        with (
            Worker(portals[SMALL].env, processes.log(SMALL)) as first,
            Worker(portals[BIG].env, processes.log(BIG)) as second,
        ):
            return Result(stored, _in_turn({SMALL: first, BIG: second}, rounds=rounds, repeats=repeats, say=say))


def _in_turn(
    workers: dict[str, Worker], *, rounds: int, repeats: int, say: Callable[[str], None]
) -> dict[str, dict[int, Series]]:
    found = {name: {count: Series() for count in COUNTS} for name in workers}
    for name, worker in workers.items():
        for count in COUNTS:
            warm = worker.ask(strategy=SLUGS[count], rounds=WARM_ROUNDS, statements=True)
            found[name][count].statements = warm["statements"]
    for number in range(repeats):
        for count in COUNTS:
            for name in (SMALL, BIG) if number % 2 == 0 else (BIG, SMALL):
                _add(found[name][count], workers[name].ask(strategy=SLUGS[count], rounds=rounds))
        latest = {name: [of[count].entries[-1] / count for count in COUNTS] for name, of in found.items()}
        told = "; ".join(f"{name} {', '.join(f'{ms:.2f}' for ms in each)}" for name, each in latest.items())
        say(f"decisions repeat {number + 1} of {repeats}, ms per signal and account of {COUNTS} accounts: {told}")
    return found


def _add(series: Series, answer: dict[str, Any]) -> None:
    entries = [sum(both) for both in answer["entries"]]
    series.entries.append(median(entries))
    series.routing.append(median([routing for routing, _ in answer["entries"]]))
    series.exits.append(median([sum(both) for both in answer["exits"]]))
    series.all_entries += entries


def lines(result: Result) -> list[str]:
    past_of = {SMALL: "hardly any", BIG: f"{result.stored:,} signals, {result.stored // 10:,} trades"}
    found = [
        "| deciding one signal, every rule on, processor time of the deciding process "
        "| accounts | an entry (ms: median; range of the repeats; p95 of all) | of it routing "
        "| per account (mark: ≤ 2.5) | an exit (ms) | statements of an entry |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in (SMALL, BIG):
        for count in COUNTS:
            one = result.found[name][count]
            middle = median(one.entries)
            found.append(
                f"| past: {past_of[name]} | {count} "
                f"| {middle:.2f}; {min(one.entries):.2f}–{max(one.entries):.2f}; {percentile(one.all_entries, 95):.2f} "
                f"| {median(one.routing):.2f} | **{middle / count:.2f}** | {median(one.exits):.2f} | {one.statements} |"
            )
    ratios = ", ".join(f"{result.ratio(count):.2f} ({count})" for count in COUNTS)
    missed = [str(count) for count in COUNTS if median(result.found[BIG][count].entries) / count > MARK_MS]
    missed_by = f"missed with {', '.join(missed)} accounts" if missed else "met"
    return [
        *found,
        "",
        f"**Long past ÷ hardly any, by accounts: {ratios}** (mark: ≤ {MARK_RATIO}). With the long past the mark of "
        f"{MARK_MS} ms is {missed_by}. One signal at a time, so that each has its own routing in it; what fills the "
        "orders afterwards is not.",
    ]
