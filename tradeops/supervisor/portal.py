"""`manage.py portal`: one host's whole portal as one supervised tree (R4)."""

from __future__ import annotations

import fcntl
import os
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from django.db import Error, connection, transaction

from tradeops import demo as demonstration
from tradeops.core import clock, events, logs
from tradeops.core.env import Environment
from tradeops.core.errors import ConfigurationError, Conflict
from tradeops.core.heartbeat import HOST
from tradeops.core.models import Heartbeat

from . import greeting
from .output import Output
from .programs import programs
from .spells import MANY, WITHIN_SECONDS, Spells
from .tree import Supervisor

logger = logs.get(__name__)
_PORT_PATIENCE_SECONDS = 3


def run(env: Environment, *, demo: bool, stream: TextIO) -> None:
    """Until SIGINT or SIGTERM. Raises Conflict when another portal has this data directory, ConfigurationError when
    a port is taken; then nothing was started."""
    with _only_one(env.data_dir):
        ports = {"PORT": (env.host, env.port)}
        if demo:
            for port in (*demonstration.ports(), demonstration.telegram_port()):
                ports[f"TRADEOPS_DEMO_PORTS ({port})"] = ("127.0.0.1", port)
        for name, (host, port) in ports.items():
            _check_free(name, host, port)
        # What an earlier run left would make this one look ready before it is.
        Heartbeat.objects.filter(host=HOST).delete()
        connection.close()
        found = programs(env, demo=demonstration.variables(env) if demo else None)
        output = Output(stream, [program.name for program in found])
        announcer = Announcer()
        supervisor = Supervisor(found, output=output, restarted=announcer.restarted)
        threading.Thread(
            target=greeting.when_ready, args=(env,), kwargs={"demo": demo, "output": output}, daemon=True
        ).start()
        supervisor.run()


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """The lock ends with the process that holds it, however that ends."""
    data_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data_dir / "portal.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.read(descriptor, 20).decode() or "unknown"
            raise Conflict(
                f"another portal (process {pid}) runs on {data_dir}; stop that one, or set TRADEOPS_DATA_DIR and PORT"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _check_free(name: str, host: str, port: int) -> None:
    """Waits a little: the processes of a portal that was just killed are still on their way out."""
    deadline = time.monotonic() + _PORT_PATIENCE_SECONDS
    while True:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
            return
        except OSError as error:
            if time.monotonic() >= deadline:
                raise ConfigurationError(
                    f"{name}: cannot listen on {host}:{port} ({error.strerror or error}); "
                    f"stop what uses that port, or set {name.partition(' ')[0]} to another"
                ) from None
            time.sleep(0.1)


class Announcer:
    """Tells the portal's channels of a restart, from a thread: the supervisor never waits for the database.

    A process that dies again and again is critical, once for such a spell: an alarm, which is repeated (N2).
    """

    def __init__(self) -> None:
        self._restarts: queue.SimpleQueue[tuple[str, str, float]] = queue.SimpleQueue()
        self._spells = Spells()
        threading.Thread(target=self._run, name="announcer", daemon=True).start()

    def restarted(self, name: str, reason: str) -> None:
        self._restarts.put((name, reason, time.monotonic()))

    def _run(self) -> None:
        while True:
            name, reason, at = self._restarts.get()
            again = self._spells.died(name, at=at)
            try:
                with transaction.atomic():
                    events.publish(_restart(name, reason, again=again))
            except Error as error:
                logger.warning("a restart was not announced: the database does not answer", error=str(error))
            else:
                if again:
                    self._spells.told(name)
            connection.close()


def _restart(name: str, reason: str, *, again: bool) -> events.Event:
    often = f", {MANY} times within {WITHIN_SECONDS / 60:g} minutes," if again else ""
    return events.Event(
        name="process.restarted",
        at=clock.now(),
        level=events.Level.CRITICAL if again else events.Level.ERROR,
        title=f"{name} on {HOST} died ({reason}){often} and was started again",
        body={"process": name, "host": HOST, "reason": reason},
    )
