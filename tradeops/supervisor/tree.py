"""The supervisor: starts programs, passes their output on, restarts what dies, and drains them in order."""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import IO

from .child import Child, Program, describe
from .output import PORTAL, Output

_LONGEST_SLEEP = 1.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Single-threaded; `run` belongs in the main thread, which also is the parent that the children are tied to.

    `restarted(name, reason)` is told of each death; it must not block.
    """

    def __init__(
        self, programs: Sequence[Program], *, output: Output, restarted: Callable[[str, str], None] | None = None
    ) -> None:
        self.children = [Child(program) for program in programs]
        self._output = output
        self._restarted = restarted
        self._selector = selectors.DefaultSelector()
        self._stops = 0

    def run(self) -> None:
        """Until SIGINT, SIGTERM or SIGHUP has come and every process has ended. A second signal ends them at once."""
        with self._wake_on_signals():
            try:
                for child in self.children:
                    self._start(child)
                while not self._stops:
                    self._listen(self._seconds_to_next_start())
                    self._look_after_all()
                self._output.line(PORTAL, "stopping: no new requests, then the work in hand (again to stop at once)")
                self._drain()
            finally:
                for child in self.children:
                    child.end()
        self._output.line(PORTAL, "stopped")

    def _start(self, child: Child) -> None:
        child.start(time.monotonic())
        self._selector.register(_stream(child), selectors.EVENT_READ, child)

    def _look_after_all(self) -> None:
        for child in self.children:
            code = child.exit_code()
            if code is not None:
                self._after_death(child, code)
            elif child.restart_at is not None and time.monotonic() >= child.restart_at:
                self._start(child)

    def _after_death(self, child: Child, code: int) -> None:
        self._close_output(child)
        reason = describe(code)
        delay = child.bury(time.monotonic())
        self._output.line(PORTAL, f"{child.name} died ({reason}); starting it again in {delay:g} s")
        if self._restarted is not None:
            self._restarted(child.name, reason)

    def _drain(self) -> None:
        for stage in sorted({child.program.stage for child in self.children}):
            members = [child for child in self.children if child.program.stage == stage and child.pid]
            for child in members:
                child.ask_to_stop()
            deadline = time.monotonic() + max((child.program.grace_seconds for child in members), default=0)
            while any(child.exit_code() is None for child in members) and self._stops == 1:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._listen(left)
            for child in members:
                if child.exit_code() is None:
                    self._output.line(PORTAL, f"{child.name} did not stop in time: killed")
                self._close_output(child)
                child.end()  # or what it left in its group

    # Output -----------------------------------------------------------------------------------------------------

    def _listen(self, seconds: float) -> None:
        """Passes on what the children write, until there was something, a signal came, or the time has passed."""
        for key, _ in self._selector.select(min(max(seconds, 0.0), _LONGEST_SLEEP)):
            if isinstance(key.data, Child):
                if not self._pass_on(key.data):
                    self._selector.unregister(key.fileobj)
            else:
                os.read(key.fd, 4096)

    def _pass_on(self, child: Child) -> bool:
        """False at the end of the stream."""
        try:
            data = os.read(_stream(child).fileno(), 65536)
        except BlockingIOError:
            return True
        for line in child.lines.feed(data):
            self._output.line(child.name, line)
        return bool(data)

    def _close_output(self, child: Child) -> None:
        stream = _stream(child)
        try:
            while (data := os.read(stream.fileno(), 65536)) and data:
                for line in child.lines.feed(data):
                    self._output.line(child.name, line)
        except BlockingIOError:
            pass  # a process that it left behind still holds the other end
        for line in child.lines.end():
            self._output.line(child.name, line)
        if stream in {key.fileobj for key in self._selector.get_map().values()}:
            self._selector.unregister(stream)
        stream.close()

    # Time and signals -------------------------------------------------------------------------------------------

    def _seconds_to_next_start(self) -> float:
        waiting = [child.restart_at for child in self.children if child.restart_at is not None]
        return min(waiting) - time.monotonic() if waiting else _LONGEST_SLEEP

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stops += 1

    @contextmanager
    def _wake_on_signals(self) -> Iterator[None]:
        """A signal ends `select` at once: its number arrives as a byte in a pipe. SIGCHLD tells of a death."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        self._selector.register(reader, selectors.EVENT_READ, None)
        wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        before = {number: signal.signal(number, self._stop) for number in STOP_SIGNALS}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)
            self._selector.close()
            os.close(reader)
            os.close(writer)


def _stream(child: Child) -> IO[bytes]:
    assert child.output is not None, "the process was started"
    return child.output
