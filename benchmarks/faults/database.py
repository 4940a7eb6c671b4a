"""A database that can be taken away and given back: a PostgreSQL cluster of its own, or SQLite's write lock held."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.processes import Failed, free_ports

_SERVER_USER = "postgres"  # who runs the server where we are root, which it refuses


def binaries() -> Path | None:
    """The folder of PostgreSQL's server programs, None where it is not installed."""
    found = [Path(one).parent for one in (shutil.which("initdb"),) if one]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)


class Cluster:
    """`with Cluster() as database:` — a new one on a free loopback port, gone at the end. Raises Failed."""

    def __enter__(self) -> Cluster:
        folder = binaries()
        if folder is None:
            raise Failed("no PostgreSQL server programs (initdb, pg_ctl); on Debian: apt-get install postgresql")
        self._programs = folder
        # Not below the caller's folder: that may be closed to the server's user.
        self._home = Path(tempfile.mkdtemp(prefix="tradeops-cluster-"))
        (self._port,) = free_ports(1)
        self.url = f"postgres://postgres@127.0.0.1:{self._port}/postgres"
        try:
            if os.geteuid() == 0:
                shutil.chown(self._home, _SERVER_USER)
            self._run("initdb", "-A", "trust", "-U", "postgres", "-N", "-D", str(self._home / "data"))
            self.give_back()
        except BaseException:
            shutil.rmtree(self._home, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._run("pg_ctl", "stop", "-m", "immediate", "-w", "-D", str(self._home / "data"), check=False)
        finally:
            shutil.rmtree(self._home, ignore_errors=True)

    def take_away(self) -> None:
        """As an administrator's restart does: sessions are ended, then nothing listens."""
        self._run("pg_ctl", "stop", "-m", "fast", "-w", "-D", str(self._home / "data"))

    def give_back(self) -> None:
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        log = str(self._home / "log")
        self._run("pg_ctl", "start", "-w", "-D", str(self._home / "data"), "-l", log, "-o", options)

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        user: dict[str, Any] = {"user": _SERVER_USER, "group": _SERVER_USER} if os.geteuid() == 0 else {}
        # Not a pipe: the server would inherit it, and the reader would wait for the server's end.
        with (self._home / f"{program}.out").open("wb") as output:
            done = subprocess.run(
                [str(self._programs / program), *arguments], stdout=output, stderr=output, cwd="/", check=False, **user
            )
        if check and done.returncode:
            raise Failed(
                f"{program} ended with {done.returncode}: {(self._home / f'{program}.out').read_text()[-500:]}"
            )


class File:
    """A SQLite file; taken away is its write lock."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "outage.sqlite3"
        self.url = f"sqlite:///{self._path}"
        self._holder: sqlite3.Connection | None = None

    def __enter__(self) -> File:
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()

    def take_away(self) -> None:
        self._holder = sqlite3.connect(self._path, timeout=20, isolation_level=None, check_same_thread=False)
        self._holder.execute("BEGIN IMMEDIATE")

    def give_back(self) -> None:
        if self._holder is not None:
            self._holder.execute("ROLLBACK")
            self._holder.close()
            self._holder = None
