"""What runs on one host: the programs of the portal and the order in which they stop."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tradeops.core import vault_key
from tradeops.core.env import ROOT, Environment

from .child import Program

# An empty variable also shadows what a `.env` file says. Only trade workers open credentials (X9).
_KEYLESS = {"TRADEOPS_ROLE": "keyless", vault_key.PRIVATE: ""}
_MANAGE = (sys.executable, str(ROOT / "manage.py"))
WEB_KILL_SECONDS = 8
# A second process keeps webhooks going while a page takes its time.
WEB_WORKERS = 2
# Most threads only wait, for a sender's body or for the commit that they share (`signals/intake/writer.py`), and have
# no database connection; the server makes them as they are needed. The listen queue takes what is above.
WEB_THREADS = WEB_BACKPRESSURE = 512
# What the server holds of a connection that is not read on: a hostile body costs this much, not the default 400 KiB.
WEB_BUFFER_BYTES = 64 * 1024


def programs(env: Environment, *, demo: Mapping[str, str] | None) -> list[Program]:
    """`demo` is the environment of the demo's processes, None without the demo."""
    shared = dict(demo or {})
    keyless = {**shared, **_KEYLESS}
    found = [
        Program("web", web_command(env), stage=0, environment={**keyless, "TRADEOPS_ROLE": "web"}),
        Program("dispatcher", (*_MANAGE, "dispatcher"), stage=1, environment=keyless),
        Program("trade", _cluster("trade"), stage=1, environment={**shared, "Q_CLUSTER_NAME": "trade"}),
        Program("slow", _cluster("slow"), stage=1, environment={**keyless, "Q_CLUSTER_NAME": "slow"}),
        Program("relay", (*_MANAGE, "relay_sender"), stage=2, environment=keyless),
    ]
    if env.telegram_bot_token and env.telegram_commands == "polling":
        found.append(Program("telegram", (*_MANAGE, "telegram_bot"), stage=1, environment=keyless))
    if env.telegram_bot_token and env.telegram_commands == "webhook":
        answers = {**keyless, "Q_CLUSTER_NAME": "telegram"}
        found.append(Program("telegram", _cluster("telegram"), stage=1, environment=answers))
    if demo is not None:
        found.append(Program("demo", (*_MANAGE, "demo_vps"), stage=3, environment=keyless))
    return found


def _cluster(queue: str) -> tuple[str, ...]:
    return (*_MANAGE, "cluster", "--queue", queue)


def web_command(env: Environment) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "granian", "--interface", "wsgi"),
        *("--host", env.host, "--port", str(env.port)),
        *("--workers", str(env.web_workers or WEB_WORKERS)),
        *("--blocking-threads", str(WEB_THREADS), "--backpressure", str(WEB_BACKPRESSURE)),
        *("--http1-buffer-size", str(WEB_BUFFER_BYTES)),
        *("--respawn-failed-workers", "--respawn-interval", "0.2"),
        *("--workers-kill-timeout", str(WEB_KILL_SECONDS)),
        *("--no-ws", "--log-level", "error", "--working-dir", str(ROOT)),
        "tradeops.wsgi:application",
    )
