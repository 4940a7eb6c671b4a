"""Scratch databases: files beside each other, or new ones on the PostgreSQL server of DATABASE_URL."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit


def server() -> str:
    """DATABASE_URL if it names a PostgreSQL server, else empty: SQLite."""
    url = os.environ.get("DATABASE_URL", "")
    return url if url.startswith("postgres") else ""


@contextlib.contextmanager
def scratch(folder: Path, name: str) -> Iterator[str]:
    """The URL of a new, empty database that is dropped at the end."""
    if not server():
        yield f"sqlite:///{folder / name}.sqlite3"
        return
    import psycopg

    database = f"tradeops_bench_{name}_{secrets.token_hex(4)}"
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{database}"')
        try:
            yield urlunsplit(urlsplit(server())._replace(path=f"/{database}"))
        finally:
            connection.execute(f'DROP DATABASE "{database}" WITH (FORCE)')


def count(url: str, table: str) -> int:
    """Rows as another process sees them: committed ones."""
    return number(url, f"SELECT count(*) FROM {table}")


def number(url: str, query: str) -> int:
    """The one number that it gives, nothing being zero."""
    return int(read(url, query)[0][0] or 0)


def read(url: str, query: str) -> list[tuple[Any, ...]]:
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60)) as connection:
            return connection.execute(query).fetchall()
    import psycopg

    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def version() -> str:
    if not server():
        return f"SQLite {sqlite3.sqlite_version} (WAL, synchronous=FULL)"
    import psycopg

    with psycopg.connect(server()) as connection:
        return f"PostgreSQL {connection.info.server_version // 10000}"


def moment(value: Any) -> float:
    """A time as either database gives it, in seconds since the epoch."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return float((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
