"""One program that is kept alive: started in a process group of its own, restarted with backoff when it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

from . import leash
from .output import Lines

FIRST_DELAY = 0.2
LONGEST_DELAY = 10.0
STABLE_SECONDS = 10.0
_REAP_SECONDS = 5.0


@dataclass(frozen=True)
class Program:
    """Programs of a lower `stage` have stopped before the next are told to; after `grace_seconds` they are killed."""

    name: str
    arguments: tuple[str, ...]
    stage: int
    environment: Mapping[str, str] = field(default_factory=dict)
    grace_seconds: float = 10.0


class Backoff:
    """How long to wait before the next start: 0.2 s, doubled up to 10 s, and 0.2 s again after 10 s of life."""

    def __init__(self) -> None:
        self._delay = FIRST_DELAY

    def after(self, lived_seconds: float) -> float:
        delay = FIRST_DELAY if lived_seconds >= STABLE_SECONDS else self._delay
        self._delay = min(delay * 2, LONGEST_DELAY)
        return delay


class Child:
    """The process of a program, whichever it is at present. Times are seconds of a monotonic clock."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.name = program.name
        self.lines = Lines()
        self.restart_at: float | None = None
        self._backoff = Backoff()
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def output(self) -> IO[bytes] | None:
        return self._process.stdout if self._process else None

    def start(self, now: float) -> None:
        self.lines = Lines()
        self.restart_at = None
        self._started_at = now
        self._process = subprocess.Popen(  # noqa: S603  (no shell; the arguments are ours)
            [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *self.program.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self.program.environment},
            process_group=0,
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)

    def exit_code(self) -> int | None:
        """None while it runs or was never started."""
        return self._process.poll() if self._process else None

    def bury(self, now: float) -> float:
        """After a death: ends what is left of its group; returns the delay and sets when it starts again."""
        self.end()
        delay = self._backoff.after(now - self._started_at)
        self.restart_at = now + delay
        return delay

    def ask_to_stop(self) -> None:
        """SIGTERM to the process alone, which passes it on to its own."""
        if self._process is not None:
            self._process.terminate()

    def end(self) -> None:
        """Kills the process and all that is left of its group."""
        if self._process is None:
            return
        with suppress(ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # only a process stuck in the kernel takes longer
            self._process.wait(_REAP_SECONDS)
        self._process = None


def describe(exit_code: int) -> str:
    """In words: `killed by SIGKILL`, `exit code 70`."""
    if exit_code < 0:
        try:
            return f"killed by {signal.Signals(-exit_code).name}"
        except ValueError:
            return f"killed by signal {-exit_code}"
    return f"exit code {exit_code}"
