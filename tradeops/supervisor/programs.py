"""What runs on one host: the programs of the portal and the order in which they stop."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tradeops.core.env import ROOT, Environment

from .child import Program

_MANAGE = (sys.executable, str(ROOT / "manage.py"))
WEB_KILL_SECONDS = 8
# Measured with `make bench`: threads of one process queue for the interpreter, and a second process keeps webhooks
# going while a page takes its time. SQLite, 2 × 1: 0.58 of the baseline; 1 × 1: 0.60; 1 × 4: 0.45. On PostgreSQL
# threads pay while others wait for the server.
WEB_WORKERS = 2
WEB_THREADS_SQLITE, WEB_THREADS = 1, 4
# Connections that are open at once, idle ones included; requests beyond the threads wait in line, without a
# database connection. The listen queue takes what is above.
WEB_BACKPRESSURE = 256


def programs(env: Environment, *, sqlite: bool, demo: Mapping[str, str] | None) -> list[Program]:
    """`demo` is the environment of the demo's processes, None without the demo."""
    shared = dict(demo or {})
    found = [
        Program("web", web_command(env, sqlite=sqlite), stage=0, environment={**shared, "TRADEOPS_ROLE": "web"}),
        Program("dispatcher", (*_MANAGE, "dispatcher"), stage=1, environment=shared),
        *(
            Program(
                name,
                (*_MANAGE, "cluster", "--queue", name),
                stage=1,
                environment={**shared, "Q_CLUSTER_NAME": name},
            )
            for name in ("trade", "slow")
        ),
        Program("relay", (*_MANAGE, "relay_sender"), stage=2, environment=shared),
    ]
    if demo is not None:
        found.append(Program("demo", (*_MANAGE, "demo_vps"), stage=3, environment=shared))
    return found


def web_command(env: Environment, *, sqlite: bool) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "granian", "--interface", "wsgi"),
        *("--host", env.host, "--port", str(env.port)),
        *("--workers", str(env.web_workers or WEB_WORKERS)),
        *(
            "--blocking-threads",
            str(WEB_THREADS_SQLITE if sqlite else WEB_THREADS),
            "--backpressure",
            str(WEB_BACKPRESSURE),
        ),
        *("--respawn-failed-workers", "--respawn-interval", "0.2"),
        *("--workers-kill-timeout", str(WEB_KILL_SECONDS)),
        *("--no-ws", "--log-level", "warning", "--working-dir", str(ROOT)),
        "tradeops.wsgi:application",
    )
