"""Portals of their own for tests that start real programs: a data directory, a database, free ports."""

import os
import subprocess
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.processes import free_ports

ROOT = Path(__file__).resolve().parent.parent


def free_port():
    return free_ports(1)[0]


class Installation:
    """`variables` is the environment of every program that runs in it."""

    def __init__(self, data_dir, *, database_url, redis_url, **variables):
        self.data_dir = data_dir
        self.variables = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tradeops.settings",
            "TRADEOPS_DATA_DIR": str(data_dir),
            "TRADEOPS_SECRET_KEY": "",
            "TRADEOPS_ENCRYPTION_KEYS": "",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "PYTHONPATH": str(ROOT),
            **variables,
        }

    def popen(self, *arguments, **options):
        return subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env={**self.variables, **options.pop("env", {})}, **options
        )

    def manage(self, *arguments, **options):
        """Runs `manage.py …` to its end; its output is text. Fails the test when it fails."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=90,
            **options,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def python(self, code):
        """The output of a snippet that runs with Django set up."""
        return self.manage("shell", "--verbosity", "0", "--no-imports", "-c", code)


@contextmanager
def installation(data_dir, **variables):
    """Empty and migrated; on PostgreSQL and Redis where the suite runs on these."""
    with _database() as database_url:
        made = Installation(data_dir, database_url=database_url, redis_url=redis_url(), **variables)
        made.manage("migrate", "--verbosity", "0")
        yield made


@contextmanager
def _database():
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield ""
        return
    import psycopg
    from psycopg import sql

    name = f"tradeops_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlsplit(url)._replace(path=f"/{name}").geturl()
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def redis_url():
    """One of the server's databases for each worker of the suite, beside the one that the suite itself uses."""
    url = os.environ.get("REDIS_URL", "")
    if not url:
        return ""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return urlsplit(url)._replace(path=f"/{15 - worker % 8}").geturl()
