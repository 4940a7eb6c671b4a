"""Inbound rate limits: django-ratelimit's windows over counters that cost one statement each.

django-ratelimit counts with `add` and then, when the key exists, `incr`: two round trips. Here `add` counts and
remembers the result for the `incr` that follows in the same thread, so the accepted path touches the store once.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from django_redis.cache import RedisCache

from . import logs
from .sqlite import beside

logger = logs.get(__name__)


class _OneStatement(threading.local):
    counted: tuple[str, int] | None = None
    weight = 1  # how many hits the next `add` counts as


PATIENCE = 1.0
_TABLE = "CREATE TABLE IF NOT EXISTS counter (key TEXT PRIMARY KEY, value INTEGER, expires REAL) WITHOUT ROWID"
# Django makes a cache object for each thread; the file is opened once for all.
_file_lock = threading.Lock()
os.register_at_fork(after_in_child=lambda: _file_lock._at_fork_reinit())  # type: ignore[attr-defined]


class FileCounters(BaseCache):
    """Counters in a SQLite file of their own, shared by the processes of one host.

    They are not durable on purpose: a second fsync for each request would halve the intake.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._path = location
        self._one = _OneStatement()

    def _run(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with _file_lock:
            file = beside.connection(self._path, _TABLE, patience=PATIENCE)
            return file.execute(statement, values).fetchall()

    def count(self, key: str, delta: int, timeout: float) -> int:
        """Adds `delta` to a live counter or starts a new one; returns its value. Atomic across processes."""
        now = time.time()
        [(value,)] = self._run(
            "INSERT INTO counter (key, value, expires) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
            " value = CASE WHEN expires <= ? THEN excluded.value ELSE value + excluded.value END,"
            " expires = CASE WHEN expires <= ? THEN excluded.expires ELSE expires END RETURNING value",
            (key, delta, now + timeout, now, now),
        )
        if value == delta and delta:  # a new window: the moment to drop what has expired, bounded
            self._run("DELETE FROM counter WHERE key IN (SELECT key FROM counter WHERE expires < ? LIMIT 500)", (now,))
        return int(value)

    def add(self, key: str, value: Any, timeout: Any = None, version: int | None = None) -> bool:
        made = self.make_and_validate_key(key, version=version)
        total = self.count(made, int(value) * self._one.weight, float(timeout or 300))
        self._one.counted = (made, total)
        return bool(value) and total == int(value)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        made = self.make_and_validate_key(key, version=version)
        if self._one.counted and self._one.counted[0] == made:
            total, self._one.counted = self._one.counted[1], None
            return total
        return self.count(made, delta, 300)

    def weigh(self, weight: int) -> None:
        """How many hits this thread's next `add` counts as."""
        self._one.weight = weight

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        made = self.make_and_validate_key(key, version=version)
        found = self._run("SELECT value FROM counter WHERE key = ? AND expires > ?", (made, time.time()))
        return found[0][0] if found else default

    def clear(self) -> None:
        self._run("DELETE FROM counter")


class RedisCounters(RedisCache):
    """The same on Redis: INCRBY and the expiry in one script, one round trip."""

    SCRIPT = (
        "local n = redis.call('INCRBY', KEYS[1], ARGV[1])"
        " if n == tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return n"
    )

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._one = _OneStatement()

    def add(self, key: Any, value: Any = None, timeout: Any = None, version: Any = None, **kwargs: Any) -> bool:
        made = self.client.make_key(key, version=version)
        redis = self.client.get_client(write=True)
        hits = int(value) * self._one.weight
        total = int(redis.eval(self.SCRIPT, 1, made, hits, int(float(timeout or 300) * 1000)))
        self._one.counted = (str(made), total)
        return bool(value) and total == int(value)

    def incr(self, key: Any, delta: int = 1, version: Any = None, **kwargs: Any) -> int:
        made = str(self.client.make_key(key, version=version))
        if self._one.counted and self._one.counted[0] == made:
            total, self._one.counted = self._one.counted[1], None
            return total
        return int(self.client.get_client(write=True).incrby(made, delta))

    def weigh(self, weight: int) -> None:
        """How many hits this thread's next `add` counts as."""
        self._one.weight = weight

    def clear(self) -> None:
        """Only the counters: the stock `clear` empties the whole Redis database, which others may share."""
        self.delete_pattern("*")


def hit(*, request: HttpRequest, group: str, value: str, per_minute: int) -> tuple[bool, int]:
    """Counts one hit of `value` in `group`. Returns (over the limit, seconds until the window ends)."""
    within, wait = hit_many(request=request, group=group, value=value, per_minute=per_minute, times=1)
    return within == 0, wait


def hit_many(*, request: HttpRequest, group: str, value: str, per_minute: int, times: int) -> tuple[int, int]:
    """Counts `times` hits of `value` in `group` in one touch of the store.

    Returns (how many of them are within the limit, seconds until the window ends). A store that does not answer
    lets all pass: authentication and idempotency do not rest on it.
    """
    store: Any = caches["limits"]
    try:
        store.weigh(times)
        usage = get_usage(
            request, group=group, key=lambda _group, _request: value, rate=(per_minute, 60), increment=True
        )
    except Exception:
        logger.exception("the rate limit store does not answer; the request passes uncounted", group=group)
        return times, 0
    finally:
        store.weigh(1)
    if usage is None or usage["limit"] == 0:
        return times, 0
    before = usage["count"] - times
    return max(0, min(times, usage["limit"] - before)), max(1, int(usage["time_left"]))
