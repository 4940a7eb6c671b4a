"""The peer: a relay written as a Cloudflare Worker (`benchmarks/peer/`), served by workerd on this machine."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import sqlite3
from pathlib import Path

from benchmarks.processes import ROOT, Failed, Processes, environment, free_ports

FOLDER = ROOT / "benchmarks" / "peer"
PATH = "/webhook/tradingview"


class Missing(Exception):
    """The peer cannot run here; the message says why and what would help."""


def install(processes: Processes) -> None:
    """From its lock file, at first use. Raises Missing."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise Missing(f"{program} is not installed; on Debian: apt-get install nodejs npm (Node 20 or newer)")
    lock = FOLDER / "package-lock.json"
    installed = FOLDER / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    command = ["npm", "ci", "--prefix", str(FOLDER), "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        processes.run("npm", command, environment())
    except Failed as error:
        raise Missing(f"npm ci in benchmarks/peer failed: {error}") from error


class Worker:
    """A running one. `sign` is the key of its messages' HMAC, made for this run."""

    def __init__(self, processes: Processes, folder: Path, *, endpoints: list[int]) -> None:
        (self.port,) = free_ports(1)
        self.sign = secrets.token_hex(16)
        self._store = folder / "worker-kv"
        env = environment(
            PORT=str(self.port),
            WEBHOOK_SECRET=self.sign,
            KV=str(self._store),
            LOG="sync",
            ENDPOINTS=",".join(f"http://127.0.0.1:{port}" for port in endpoints),
        )
        processes.start("worker", ["node", "serve.mjs"], env, cwd=FOLDER)
        processes.wait_for("worker", self.port, "/health")
        processes.wait_to_say("worker", "ready")  # its endpoints are in the store

    def logged(self) -> int:
        """Messages in its log, as another process sees it."""
        for file in (self._store / "miniflare-KVNamespaceObject").glob("*.sqlite"):
            with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
                if connection.execute("SELECT 1 FROM sqlite_master WHERE name = '_mf_entries'").fetchone():
                    query = "SELECT count(*) FROM _mf_entries WHERE key LIKE 'webhook_log:%'"
                    return int(connection.execute(query).fetchone()[0])
        raise Failed(f"the Worker's log was not found below {self._store}")
