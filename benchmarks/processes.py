"""The processes of one benchmark: started on free loopback ports, logged to files, gone at the end."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import cpu

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
MANAGE = (PYTHON, str(ROOT / "manage.py"))
STOP_SECONDS = 20


def free_ports(count: int) -> list[int]:
    """Held together while they are chosen, so that they differ.

    Below the ports that the kernel gives to outgoing connections, so that none of these takes one meanwhile.
    """
    sockets: list[socket.socket] = []
    try:
        while len(sockets) < count:
            one = socket.socket()
            sockets.append(one)
            try:
                one.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            except OSError:
                sockets.pop().close()
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def environment(**variables: str) -> dict[str, str]:
    """What a program needs of this process's environment, and nothing that would configure the portal."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **variables}


class Failed(Exception):
    """A program did not do what the benchmark needs; the message ends with its last lines."""


class Processes:
    """`with Processes(folder) as processes:` — whatever was started is stopped at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for name, _process in reversed(list(self._running)):
            self.stop(name)

    def log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str], *, cwd: Path = ROOT) -> None:
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(command, env=dict(env), cwd=cwd, stdout=log, stderr=log, start_new_session=True)
        self._running.append((name, process))

    def pid(self, name: str) -> int:
        return next(process.pid for one, process in self._running if one == name)

    def cpu(self, name: str) -> float:
        """Seconds of processor time so far, of everything that it started too."""
        return cpu.seconds(self.pid(name))

    def stop(self, name: str) -> None:
        index = next(i for i, (one, _) in enumerate(self._running) if one == name)
        _, process = self._running.pop(index)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def run(self, name: str, command: Sequence[str], env: Mapping[str, str], *, given: str = "") -> str:
        """To its end, with `given` on its standard input; what it printed. Raises Failed."""
        with self.log(name).open("ab") as log:
            done = subprocess.run(
                command, env=dict(env), cwd=ROOT, input=given.encode(), stdout=subprocess.PIPE, stderr=log, check=False
            )
        if done.returncode:
            raise Failed(f"{name} ended with {done.returncode}: {done.stdout.decode()[-500:]}{self.tail(name)}")
        return done.stdout.decode()

    def wait_for(self, name: str, port: int, path: str, *, seconds: float = 40) -> None:
        """Until GET answers 200. Raises Failed."""
        process = next(process for one, process in self._running if one == name)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise Failed(f"{name} ended with {process.returncode}{self.tail(name)}")
            try:
                if get(port, path)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise Failed(f"{name} is not ready after {seconds:.0f} s{self.tail(name)}")

    def wait_to_say(self, name: str, text: str, *, seconds: float = 20) -> None:
        """Until its log has `text`. Raises Failed."""
        deadline = time.monotonic() + seconds
        while text not in self.log(name).read_text(errors="replace"):
            if time.monotonic() > deadline:
                raise Failed(f"{name} has not said {text!r} after {seconds:.0f} s{self.tail(name)}")
            time.sleep(0.05)

    def tail(self, name: str) -> str:
        """The last lines of its log, for the message of a Failed."""
        return "\n" + "\n".join(self.log(name).read_text(errors="replace").splitlines()[-15:])

    def load(self, job: dict[str, Any]) -> dict[str, Any]:
        """Runs the load generator; see its page. Statuses are numbers again."""
        result: dict[str, Any] = json.loads(
            self.run("load", [PYTHON, "-m", "benchmarks.load"], environment(), given=json.dumps(job))
        )
        result["answers"] = {int(status): count for status, count in result["answers"].items()}
        return result


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
