"""`/health`: this process is alive. `/health/ready`: the whole portal can do its work (I1). No sign-in, no secrets."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.core.cache import caches
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import re_path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from signals.operator.telegram import door
from tradeops.core import clock, heartbeat, logs

logger = logs.get(__name__)
# Whose heartbeat must be fresh on some host. The web process answers, so it is alive.
PROCESSES = (
    *("cluster:trade", "cluster:slow", "dispatcher", "relay"),
    *((f"cluster:{door.QUEUE}",) if door.is_open() else ()),
)


@require_safe
@never_cache
def health(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """200, or 503 with the names of the failing parts: `{"status", "failing": […], "parts": {name: {"ok", …}}}`."""
    parts = {"database": _timed("database", _database), "cache": _timed("cache", _cache)}
    parts.update(_processes() if parts["database"]["ok"] else _unknown())
    failing = [name for name, part in parts.items() if not part["ok"]]
    body = {"status": "unavailable" if failing else "ok", "failing": failing, "parts": parts}
    response = JsonResponse(body, status=503 if failing else 200)
    response._has_been_logged = True  # type: ignore[attr-defined]  # a probe that asks each second would fill the log
    return response


def _timed(name: str, check: Callable[[], None]) -> dict[str, Any]:
    started = time.monotonic()
    try:
        check()
        ok = True
    except Exception:  # the reason, which may name hosts, belongs in the log only
        logger.exception("not ready", part=name)
        ok = False
    return {"ok": ok, "ms": round((time.monotonic() - started) * 1000, 1)}


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _cache() -> None:
    for alias in ("default", "limits"):
        caches[alias].get("health")


def _unknown() -> dict[str, dict[str, Any]]:
    return {name: {"ok": False, "age_seconds": None} for name in PROCESSES}


def _processes() -> dict[str, dict[str, Any]]:
    """The freshest heartbeat of each process, over all hosts."""
    try:
        lives = heartbeat.lives(now=clock.now())
    except Error:
        return _unknown()
    result: dict[str, dict[str, Any]] = {}
    for name in PROCESSES:
        found = min((life for life in lives if life.process == name), key=lambda life: life.age_seconds, default=None)
        result[name] = {
            "ok": found is not None and found.alive,
            "age_seconds": round(found.age_seconds, 1) if found else None,
        }
    return result


urlpatterns = [
    re_path(r"^health/?$", health, name="health"),
    re_path(r"^health/ready/?$", ready, name="ready"),
]
