"""Every signal posted four times at once, over two web processes: each is stored once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import databases, targets
from benchmarks.processes import Processes

COPIES = 4
CONNECTIONS = 32


@dataclass(frozen=True)
class Result:
    """`stored` signals, `repeats` counted on them; `load` is the generator's result."""

    posts: int
    stored: int
    repeats: int
    load: dict[str, Any]


def measure(folder: Path, *, signals: int, variables: dict[str, str] | None = None) -> Result:
    with databases.scratch(folder, "identical") as url, Processes(folder) as processes:
        given = {"TRADEOPS_WEB_WORKERS": "2", **(variables or {})}
        portal = targets.set_up_portal(processes, folder / "identical", url, targets.INTAKE, **given)
        target = targets.start_web(processes, portal)
        load = target.load(processes, kind="copies", connections=CONNECTIONS, copies=COPIES, count=signals)
        return Result(
            posts=signals * COPIES,
            stored=databases.count(url, "signals_signal"),
            repeats=databases.number(url, "SELECT sum(repeats) FROM signals_signal"),
            load=load,
        )


def holds(result: Result) -> bool:
    signals = result.posts // COPIES
    counted = (result.stored, result.load["signals"], result.repeats, result.load["odd"])
    expected = {201: signals, 200: signals * (COPIES - 1)}
    return counted == (signals, signals, signals * (COPIES - 1), 0) and result.load["answers"] == expected


def lines(result: Result) -> list[str]:
    load = result.load
    return [
        f"{result.posts:,} posts of {result.posts // COPIES:,} signals, each {COPIES} times at once over two web "
        f"processes: **{result.stored:,} signals stored**, {result.repeats:,} repeats counted; answers by status "
        f"{load['answers']}, {load['broken'] + load['unanswered']} without an answer; {load['odd']} messages whose "
        f"answers were not one 201 and three 200 with its id; {load['rate']:,.0f} requests/s, p99 {load['p99']:.0f} ms."
    ]
