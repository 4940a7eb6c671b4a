"""Does a long history cost anything? Intake with many signals stored against an empty table, in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import databases, seed, targets
from benchmarks.figures import median
from benchmarks.intake.closed import CONNECTIONS, WARM_SECONDS
from benchmarks.processes import Processes


@dataclass(frozen=True)
class Result:
    stored: int
    empty: list[dict[str, Any]]
    full: list[dict[str, Any]]

    @property
    def ratio(self) -> float:
        return median([full["rate"] / empty["rate"] for full, empty in zip(self.full, self.empty, strict=True)])


def measure(folder: Path, *, stored: int, seconds: float, rounds: int, say: Callable[[str], None]) -> Result:
    """Raises Failed when anything is refused, or when fewer rows were committed than messages acknowledged."""
    with (
        databases.scratch(folder, "empty") as empty_url,
        databases.scratch(folder, "full") as full_url,
        Processes(folder) as processes,
    ):
        found: dict[str, targets.Target] = {}
        results: dict[str, list[dict[str, Any]]] = {"empty": [], "full": []}
        for name, url in (("empty", empty_url), ("full", full_url)):
            portal = targets.set_up_portal(processes, folder / name, url, targets.INTAKE)
            target = targets.start_web(processes, portal, name)
            target.load(processes, kind="closed", connections=1, count=1)
            target.flawless()
            if name == "full":
                say(f"storing {stored:,} signals")
                seed.signals(url, stored)
                target.forget()
            found[name] = target
        for number in range(rounds):
            for name in sorted(found, reverse=number % 2 == 0):
                results[name].append(
                    found[name].load(
                        processes, kind="closed", connections=CONNECTIONS, warm_seconds=WARM_SECONDS, seconds=seconds
                    )
                )
            rates = ", ".join(f"{name} {of[-1]['rate']:,.0f}" for name, of in results.items())
            say(f"growth round {number + 1} of {rounds}, requests/s: {rates}")
        for target in found.values():
            target.flawless()
            target.committed()
        return Result(stored, results["empty"], results["full"])


def lines(result: Result) -> list[str]:
    found = [
        f"| intake, closed loop, {CONNECTIONS} connections | requests/s (median; range) | p50 | p99 |",
        "|---|---|---|---|",
    ]
    for name, rounds in (("empty table", result.empty), (f"{result.stored:,} signals stored", result.full)):
        rates = [one["rate"] for one in rounds]
        p50, p99 = (f"{median([one[p] for one in rounds]):.1f} ms" for p in ("p50", "p99"))
        found.append(f"| {name} | {median(rates):,.0f}; {min(rates):,.0f}–{max(rates):,.0f} | {p50} | {p99} |")
    return [*found, "", f"**full ÷ empty: {result.ratio:.2f}** (mark: ≥ 0.9), each with as many duplicate keys alive."]
