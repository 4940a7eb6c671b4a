"""What the relay's cases share: endpoints, a portal that relays to them and has no account, and its messages."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path
from typing import Any

from benchmarks import targets
from benchmarks.processes import PYTHON, Failed, Processes, environment, free_ports, get

# The portal keeps the order of each symbol's messages; the Worker keeps none. So the messages are of many symbols.
SYMBOLS = [f"B{number:02}USDT" for number in range(25)]
ALERTS = tuple({**targets.ALERT, "ticker": symbol} for symbol in SYMBOLS)


class Endpoints:
    """Running receivers; `ports` in the order of the manners."""

    def __init__(self, processes: Processes, *manners: str) -> None:
        self._control, *self.ports = free_ports(len(manners) + 1)
        pairs = [f"{port}={manner}" for port, manner in zip(self.ports, manners, strict=True)]
        command = [PYTHON, "-m", "benchmarks.receivers", str(self._control), *pairs]
        processes.start("receivers", command, environment())
        processes.wait_for("receivers", self._control, "/forget")

    def ask(self, path: str) -> Any:
        status, body = get(self._control, path)
        if status != 200:
            raise Failed(f"the receivers answered {status} to {path}")
        return json.loads(body)

    def forget(self) -> None:
        self.ask("/forget")

    def cpu(self) -> float:
        return float(self.ask("/cpu"))

    def all_have(self, count: int, *, seconds: float) -> float:
        """Waits until each has `count` distinct messages; when the last of them came. Raises Failed."""
        deadline = time.monotonic() + seconds
        while True:
            progress = self.ask("/progress")
            if all(distinct >= count for distinct, _ in progress.values()):
                return max(at for _, at in progress.values())
            if time.monotonic() > deadline:
                raise Failed(f"after {seconds:.0f} s the receivers have {progress} of {count} messages")
            time.sleep(0.1)


def configuration(ports: list[int], *, max_age: int) -> tuple[str, dict[str, str]]:
    """A strategy without accounts that relays to those ports, as a configuration file, and its secrets' variables."""
    names = [f"vps-{number}" for number in range(1, len(ports) + 1)]
    endpoints = "\n".join(
        f'  - {{slug: {name}, url: "http://127.0.0.1:{port}/webhook", secret: {{env: BENCH_ENDPOINT_SECRET}}, '
        "receives: [signals]}"
        for name, port in zip(names, ports, strict=True)
    )
    symbols = ", ".join(f"{symbol}: {symbol.removesuffix('USDT')}/USDT" for symbol in SYMBOLS)
    text = f"""
sources:
  - {{slug: tv, auth: token, secret: {{env: BENCH_TOKEN}}, allowed_ips: [127.0.0.0/8], rate_limit: 1000000}}
endpoints:
{endpoints}
strategies:
  - slug: trend
    sources: [tv]
    mode: live
    symbols: {{{symbols}}}
    sizing: {{mode: fixed_quantity, value: "0.01"}}
    max_age_seconds: {max_age}
    endpoints: [{", ".join(names)}]
private_networks: [127.0.0.0/8]
"""
    return text, {"BENCH_ENDPOINT_SECRET": secrets.token_urlsafe(24)}


def portal(
    processes: Processes,
    folder: Path,
    url: str,
    endpoints: Endpoints,
    *,
    max_age: int = 900,
    variables: dict[str, str] | None = None,
) -> targets.Portal:
    text, secret = configuration(endpoints.ports, max_age=max_age)
    return targets.set_up_portal(processes, folder / "data", url, text, **secret, **(variables or {}))
