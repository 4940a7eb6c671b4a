"""How many distinct alerts a second are committed and acknowledged: baseline, peer and ours, in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import databases, targets, worker
from benchmarks.figures import median
from benchmarks.processes import Processes

CONNECTIONS = 32
SHAPES = [(processes, threads) for processes in (1, 2) for threads in (1, 8, 32)]
WARM_SECONDS = 0.5


@dataclass(frozen=True)
class Result:
    """`rounds` has one entry of the generator a round for each of baseline, worker (where it runs) and ours."""

    shapes: dict[tuple[int, int], float]
    best: tuple[int, int]
    rounds: dict[str, list[dict[str, Any]]]
    committed: dict[str, int]
    missing: str

    def ratio(self, other: str) -> float:
        """Ours to the other's rate; the median over the rounds."""
        pairs = zip(self.rounds["ours"], self.rounds[other], strict=True)
        return median([ours["rate"] / theirs["rate"] for ours, theirs in pairs])


def measure(folder: Path, *, seconds: float, rounds: int, say: Callable[[str], None]) -> Result:
    """Raises Failed when anything is refused, or when fewer rows were committed than messages acknowledged."""
    with (
        databases.scratch(folder, "baseline") as baseline_url,
        databases.scratch(folder, "portal") as portal_url,
        Processes(folder) as processes,
    ):
        shapes = dict(_shapes(processes, baseline_url, seconds=min(seconds, 2.0), say=say))
        best = max(shapes, key=lambda shape: shapes[shape])
        found = [targets.baseline(processes, baseline_url, best)]
        missing = ""
        try:
            worker.install(processes)
            found.append(targets.worker(processes, folder, endpoints=[]))
        except worker.Missing as error:
            missing = str(error)
            say(f"the peer is left out: {missing}")
        portal = targets.set_up_portal(processes, folder / "data", portal_url, targets.INTAKE)
        found.append(targets.start_web(processes, portal))
        results: dict[str, list[dict[str, Any]]] = {target.name: [] for target in found}
        for number in range(rounds):
            turn = number % len(found)
            for target in found[turn:] + found[:turn]:
                results[target.name].append(_round(processes, target, seconds=seconds))
            rates = ", ".join(f"{name} {of[-1]['rate']:,.0f}" for name, of in results.items())
            say(f"intake round {number + 1} of {rounds}, requests/s: {rates}")
        for target in found:
            target.flawless()
        return Result(shapes, best, results, {target.name: target.committed() for target in found}, missing)


def _round(processes: Processes, target: targets.Target, *, seconds: float) -> dict[str, Any]:
    return target.load(processes, kind="closed", connections=CONNECTIONS, warm_seconds=WARM_SECONDS, seconds=seconds)


def _shapes(
    processes: Processes, url: str, *, seconds: float, say: Callable[[str], None]
) -> Iterator[tuple[tuple[int, int], float]]:
    targets.set_up_baseline(processes, url)
    for shape in SHAPES:
        target = targets.baseline(processes, url, shape)
        figures = _round(processes, target, seconds=seconds)
        target.flawless()
        processes.stop("baseline")
        say(f"baseline, {shape[0]} × {shape[1]} (processes × threads): {figures['rate']:,.0f} requests/s")
        yield shape, figures["rate"]


NAMES = {
    "worker": "peer: Cloudflare Worker under workerd, HMAC, its log written before the answer",
    "ours": "ours, every layer, committed before the answer",
}


def lines(result: Result) -> list[str]:
    processes, threads = result.best
    best = f"{processes} process{'es' * (processes > 1)} × {threads} thread{'s' * (threads > 1)}"
    names = {**NAMES, "baseline": f"baseline: a plain Django view and one INSERT, {best}"}
    others = ", ".join(f"{p} × {t}: {rate:,.0f}" for (p, t), rate in result.shapes.items())
    committed = ", ".join(f"{name} {rows:,}" for name, rows in result.committed.items())
    base_mark = "≥ 0.6, PostgreSQL" if databases.server() else "≥ 0.8"
    found = [
        f"| intake, closed loop, {CONNECTIONS} connections | requests/s (median; range) | p50 | p99 "
        "| CPU of the server a request | of the generator |",
        "|---|---|---|---|---|---|",
        *(_row(names[name], rounds) for name, rounds in result.rounds.items()),
        "",
        f"**ours ÷ baseline: {result.ratio('baseline'):.2f}** (mark: {base_mark}). "
        + (f"**ours ÷ peer: {result.ratio('worker'):.2f}** (mark: ≥ 2)." if not result.missing else ""),
        f"Medians of {len(result.rounds['ours'])} interleaved rounds, latencies in them. Every acknowledged message "
        f"was found committed ({committed}). The server's CPU is without that of the database's own processes. "
        f"Baseline by processes × threads: {others}.",
    ]
    if result.missing:
        found.append(f"The peer was not measured: {result.missing}")
    return found


def _row(name: str, rounds: list[dict[str, Any]]) -> str:
    rates = [one["rate"] for one in rounds]
    spread = f"{median(rates):,.0f}; {min(rates):,.0f}–{max(rates):,.0f}"
    p50, p99 = (f"{median([one[p] for one in rounds]):.1f} ms" for p in ("p50", "p99"))
    server, generator = (
        f"{1e6 * sum(one[of] for one in rounds) / sum(one['accepted'] for one in rounds):,.0f} µs"
        for of in ("server_cpu", "cpu_seconds")
    )
    return f"| {name} | {spread} | {p50} | {p99} | {server} | {generator} |"
