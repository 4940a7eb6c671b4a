"""What is put under load: a running server, what it accepts, and how to count what it committed."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import databases
from benchmarks.processes import MANAGE, PYTHON, ROOT, Failed, Processes, environment, free_ports
from benchmarks.worker import PATH, Worker
from tradeops.core import env as portal_environment
from tradeops.supervisor.programs import web_command

ALERT = {
    "ticker": "BINANCE:BTCUSDT",
    "action": "buy",
    "price": "65000.5",
    "quantity": "0.01",
    "interval": "5",
    "strategy": "trend",
    "comment": "breakout {n}",
}


@dataclass
class Target:
    """`accepted` is the status that promises a commit; `count` says what is committed, by another connection."""

    name: str
    port: int
    path: str
    bodies: tuple[str, ...]
    count: Callable[[], int]
    accepted: int = 201
    sign: str = ""
    acknowledged: int = field(init=False)
    unsure: int = field(init=False)
    answers: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Counts from here on."""
        self._before = self.count()
        self.acknowledged, self.unsure, self.answers = 0, 0, {}

    def load(self, processes: Processes, **job: Any) -> dict[str, Any]:
        """One run of the generator. The result has `server_cpu`, seconds of this server's processes."""
        given = {"port": self.port, "path": self.path, "bodies": self.bodies, "sign": self.sign, **job}
        before = processes.cpu(self.name)
        result = processes.load(given)
        result["server_cpu"] = processes.cpu(self.name) - before
        result["accepted"] = result["answers"].get(self.accepted, 0)
        self.acknowledged += result["accepted"]
        self.unsure += result["broken"] + result["unanswered"]
        for status, times in result["answers"].items():
            self.answers[status] = self.answers.get(status, 0) + times
        return result

    def flawless(self) -> None:
        """Raises Failed when anything was refused, broken off or left without an answer."""
        if self.unsure or set(self.answers) - {self.accepted}:
            raise Failed(f"{self.name}: answers by status {self.answers}, {self.unsure} without an answer")

    def committed(self) -> int:
        """How many rows there are. Raises Failed when there are fewer than acknowledged, or more than sent."""
        rows = self.count() - self._before
        if not self.acknowledged <= rows <= self.acknowledged + self.unsure:
            raise Failed(f"{self.name}: {self.acknowledged} messages were acknowledged and {rows} are committed")
        return rows


_BASELINE_KEY = secrets.token_urlsafe(48)


def _baseline_environment(url: str) -> dict[str, str]:
    settings = "benchmarks.baseline.settings"
    return environment(DATABASE_URL=url, BASELINE_SECRET_KEY=_BASELINE_KEY, DJANGO_SETTINGS_MODULE=settings)


def set_up_baseline(processes: Processes, url: str) -> None:
    command = [PYTHON, "-m", "django", "migrate", "--run-syncdb", "-v0"]
    processes.run("baseline", command, _baseline_environment(url))


def baseline(processes: Processes, url: str, shape: tuple[int, int]) -> Target:
    """The plain Django project with (processes, threads)."""
    (port,) = free_ports(1)
    workers, threads = shape
    command = [PYTHON, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", str(workers), "--blocking-threads", str(threads), "--backpressure", "256"]
    command += ["--no-ws", "--log-level", "warning", "benchmarks.baseline.wsgi:application"]
    processes.start("baseline", command, _baseline_environment(url))
    processes.wait_for("baseline", port, "/health")
    count = lambda: databases.count(url, "baseline_message")  # noqa: E731
    return Target("baseline", port, "/webhook", (json.dumps(ALERT),), count)


def worker(processes: Processes, folder: Path, *alerts: dict[str, str], endpoints: list[int]) -> Target:
    running = Worker(processes, folder, endpoints=endpoints)
    bodies = tuple(json.dumps(alert) for alert in alerts or (ALERT,))
    return Target("worker", running.port, PATH, bodies, running.logged, accepted=200, sign=running.sign)


@dataclass(frozen=True)
class Portal:
    """An installation of its own, set up and not started."""

    env: dict[str, str]
    port: int
    token: str
    url: str

    def target(self, name: str, *alerts: dict[str, str]) -> Target:
        bodies = tuple(json.dumps({"token": self.token, **alert}) for alert in alerts or (ALERT,))
        count = lambda: databases.count(self.url, "signals_signal")  # noqa: E731
        return Target(name, self.port, PATH, bodies, count)


def set_up_portal(processes: Processes, data: Path, url: str, configuration: str, **variables: str) -> Portal:
    """Migrated, with `configuration` (YAML) applied; its source's token is `{env: BENCH_TOKEN}`."""
    (port,) = free_ports(1)
    token = secrets.token_urlsafe(24)
    given = {
        "TRADEOPS_DATA_DIR": str(data),
        "TRADEOPS_DEMO": "0",
        "DATABASE_URL": url,
        "REDIS_URL": os.environ.get("REDIS_URL", ""),
        "DJANGO_SETTINGS_MODULE": "tradeops.settings",
        "PORT": str(port),
        "BENCH_TOKEN": token,
    }
    env = environment(**{**given, **variables})
    processes.run("portal-setup", [*MANAGE, "migrate", "-v0"], env)
    file = data / "configuration.yaml"
    file.write_text(configuration)
    processes.run("portal-setup", [*MANAGE, "apply_config", str(file)], env)
    return Portal(env, port, token, url)


def start_web(processes: Processes, portal: Portal, name: str = "ours") -> Target:
    """The web process alone, as the portal starts it."""
    command = web_command(portal_environment.read(portal.env))
    processes.start(name, command, {**portal.env, "TRADEOPS_ROLE": "web"})
    processes.wait_for(name, portal.port, "/health")
    return portal.target(name)


def start_portal(processes: Processes, portal: Portal, *alerts: dict[str, str], name: str = "ours") -> Target:
    """Everything, under its supervisor."""
    processes.start(name, [*MANAGE, "portal"], portal.env)
    processes.wait_for(name, portal.port, "/health/ready", seconds=60)
    return portal.target(name, *alerts)


INTAKE = (ROOT / "benchmarks" / "intake" / "portal.yaml").read_text()
