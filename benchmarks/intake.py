"""Intake: how many distinct alerts a second are committed and acknowledged, beside the baseline, in turn."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import databases
from benchmarks.figures import median
from benchmarks.processes import MANAGE, PYTHON, ROOT, Failed, Processes, environment, free_ports
from tradeops.core import env as portal_environment
from tradeops.supervisor.programs import web_command

CONNECTIONS = 32
SHAPES = [(processes, threads) for processes in (1, 2) for threads in (1, 8, 32)]
ALERT = {
    "ticker": "BINANCE:BTCUSDT",
    "action": "buy",
    "price": "65000.5",
    "quantity": "0.01",
    "interval": "5",
    "strategy": "trend",
    "comment": "breakout {n}",
}


@dataclass(frozen=True)
class Round:
    rate: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Result:
    """`baseline` and `ours` have one entry a round, in order; `shapes` the rate of each (processes, threads)."""

    shapes: dict[tuple[int, int], float]
    best: tuple[int, int]
    baseline: list[Round]
    ours: list[Round]
    rows: int

    @property
    def ratio(self) -> float:
        return median([ours.rate / base.rate for ours, base in zip(self.ours, self.baseline, strict=True)])


@dataclass(frozen=True)
class Target:
    """A running server, and what it has to have stored: `accepted` counts every 201."""

    port: int
    path: str
    bodies: tuple[str, ...]
    url: str
    table: str

    def load(self, processes: Processes, *, warm: float, seconds: float) -> tuple[Round, int]:
        result = processes.load(
            {
                "kind": "closed",
                "port": self.port,
                "path": self.path,
                "headers": {},
                "bodies": self.bodies,
                "connections": CONNECTIONS,
                "warm_seconds": warm,
                "seconds": seconds,
            }
        )
        return Round(result["rate"], result["p50"], result["p99"]), result["total"]


def measure(folder: Path, *, seconds: float, rounds: int, say: Callable[[str], None]) -> Result:
    """Raises Failed when anything is refused, or when fewer rows were committed than messages acknowledged."""
    with (
        databases.scratch(folder, "baseline") as baseline_url,
        databases.scratch(folder, "portal") as portal_url,
        Processes(folder) as processes,
    ):
        shapes = dict(_shapes(processes, baseline_url, seconds=seconds, say=say))
        best = max(shapes, key=lambda shape: shapes[shape])
        before = databases.count(baseline_url, "baseline_message")
        baseline = _start_baseline(processes, baseline_url, best)
        ours = _start_ours(processes, folder / "data", portal_url)
        results: dict[Target, list[Round]] = {baseline: [], ours: []}
        accepted = {baseline: before, ours: 0}
        for number in range(rounds):
            for target in (baseline, ours) if number % 2 == 0 else (ours, baseline):
                figures, total = target.load(processes, warm=0.5, seconds=seconds)
                results[target].append(figures)
                accepted[target] += total
            pair = f"{results[baseline][-1].rate:,.0f} baseline, {results[ours][-1].rate:,.0f} ours"
            say(f"intake round {number + 1} of {rounds}: {pair} requests/s")
        for target, total in accepted.items():
            rows = databases.count(target.url, target.table)
            if rows != total:
                raise Failed(f"{total} messages were acknowledged and {rows} rows of {target.table} are committed")
        return Result(shapes, best, results[baseline], results[ours], rows=accepted[ours])


def _shapes(
    processes: Processes, url: str, *, seconds: float, say: Callable[[str], None]
) -> Iterator[tuple[tuple[int, int], float]]:
    env = _baseline_environment(url)
    processes.run("baseline", [PYTHON, "-m", "django", "migrate", "--run-syncdb", "-v0"], env)
    for shape in SHAPES:
        target = _start_baseline(processes, url, shape)
        figures, _ = target.load(processes, warm=0.5, seconds=seconds)
        processes.stop("baseline")
        say(f"baseline, {shape[0]} × {shape[1]} (processes × threads): {figures.rate:,.0f} requests/s")
        yield shape, figures.rate


_BASELINE_KEY = secrets.token_urlsafe(48)


def _baseline_environment(url: str) -> dict[str, str]:
    settings = "benchmarks.baseline.settings"
    return environment(DATABASE_URL=url, BASELINE_SECRET_KEY=_BASELINE_KEY, DJANGO_SETTINGS_MODULE=settings)


def _start_baseline(processes: Processes, url: str, shape: tuple[int, int]) -> Target:
    (port,) = free_ports(1)
    workers, threads = shape
    command = [PYTHON, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", str(workers), "--blocking-threads", str(threads), "--backpressure", "256"]
    command += ["--no-ws", "--log-level", "warning", "benchmarks.baseline.wsgi:application"]
    processes.start("baseline", command, _baseline_environment(url))
    processes.wait_for("baseline", port, "/health")
    return Target(port, "/webhook", (json.dumps(ALERT),), url, "baseline_message")


def _start_ours(processes: Processes, data: Path, url: str) -> Target:
    """The web process as the portal starts it; a source with its token, address list, limit and strategy."""
    (port,) = free_ports(1)
    token = secrets.token_urlsafe(24)
    env = environment(
        TRADEOPS_DATA_DIR=str(data),
        TRADEOPS_DEMO="0",
        DATABASE_URL=url,
        PORT=str(port),
        BENCH_TOKEN=token,
    )
    processes.run("portal-setup", [*MANAGE, "migrate", "-v0"], env)
    processes.run("portal-setup", [*MANAGE, "apply_config", str(ROOT / "benchmarks" / "intake.yaml")], env)
    sqlite = url.startswith("sqlite")
    command = web_command(portal_environment.read(env), sqlite=sqlite)
    processes.start("ours", command, {**env, "TRADEOPS_ROLE": "web"})
    processes.wait_for("ours", port, "/health")
    return Target(port, "/webhook/tradingview", (json.dumps({"token": token, **ALERT}),), url, "signals_signal")
