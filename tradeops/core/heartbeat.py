"""Signs of life: each process writes one row every few seconds; readers judge by its age."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import Error, connection

from . import clock, logs
from .models import Heartbeat

logger = logs.get(__name__)
HOST = socket.gethostname()
BEAT_SECONDS = 5
STALE_AFTER = timedelta(seconds=20)


@dataclass(frozen=True)
class Life:
    process: str
    host: str
    pid: int
    alive: bool
    age_seconds: float
    started_at: datetime
    detail: str


def beat(*, process: str, started_at: datetime, now: datetime, detail: str = "") -> None:
    Heartbeat.objects.update_or_create(
        process=process,
        host=HOST,
        defaults={"pid": os.getpid(), "started_at": started_at, "beat_at": now, "detail": detail[:200]},
    )


def lives(*, now: datetime) -> list[Life]:
    """Every process seen within a day, the newest host first, alive when its last beat is under 20 s old."""
    rows = Heartbeat.objects.filter(beat_at__gt=now - timedelta(days=1)).order_by("process", "host")
    return [
        Life(
            process=row.process,
            host=row.host,
            pid=row.pid,
            alive=now - row.beat_at < STALE_AFTER,
            age_seconds=max(0.0, (now - row.beat_at).total_seconds()),
            started_at=row.started_at,
            detail=row.detail,
        )
        for row in rows
    ]


def start_thread(process: str, *, also: Callable[[], None] | None = None) -> threading.Event:
    """Beats from a daemon thread of this process until the returned event is set. `also` runs with each beat."""
    stop = threading.Event()
    started_at = clock.now()

    def run() -> None:
        while True:
            try:
                beat(process=process, started_at=started_at, now=clock.now())
                if also is not None:
                    also()
            except Error as error:
                logger.warning("no heartbeat: the database does not answer", process=process, error=str(error))
                connection.close()
            if stop.wait(BEAT_SECONDS):
                connection.close()
                return

    threading.Thread(target=run, name=f"heartbeat-{process}", daemon=True).start()
    return stop
