"""What runs on one host: the programs of the portal and the order in which they stop."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tradeops.core.env import ROOT, Environment

from .child import Program

_MANAGE = (sys.executable, str(ROOT / "manage.py"))
WEB_KILL_SECONDS = 8
# A second process keeps webhooks going while a page takes its time.
WEB_WORKERS = 2
# Most threads only wait, for a sender's body or for the commit that they share (`signals/intake/writer.py`), and have
# no database connection; the server makes them as they are needed. The listen queue takes what is above.
WEB_THREADS = WEB_BACKPRESSURE = 512


def programs(env: Environment, *, demo: Mapping[str, str] | None) -> list[Program]:
    """`demo` is the environment of the demo's processes, None without the demo."""
    shared = dict(demo or {})
    found = [
        Program("web", web_command(env), stage=0, environment={**shared, "TRADEOPS_ROLE": "web"}),
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


def web_command(env: Environment) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "granian", "--interface", "wsgi"),
        *("--host", env.host, "--port", str(env.port)),
        *("--workers", str(env.web_workers or WEB_WORKERS)),
        *("--blocking-threads", str(WEB_THREADS), "--backpressure", str(WEB_BACKPRESSURE)),
        *("--respawn-failed-workers", "--respawn-interval", "0.2"),
        *("--workers-kill-timeout", str(WEB_KILL_SECONDS)),
        *("--no-ws", "--log-level", "error", "--working-dir", str(ROOT)),
        "tradeops.wsgi:application",
    )
