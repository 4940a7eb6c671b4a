"""Workers on demand: Django is loaded once, each worker is a fork of it, so that a death costs milliseconds.

`python -m benchmarks.faults.execution.nest` in a portal's environment reads a command a line and answers a line (JSON):

{"do": "signals", "messages": [{"symbol", "action", "price"}]}          → {"ids": [public ids]}
{"do": "fork", "task": name of `tasks`, "seconds", "failpoints", "folder"} → {"pid"}
{"do": "switch", "scope", "key", "on"} → {}, a kill switch turned as pages and bots do
{"do": "flatten", "name"}            → {"began": s since the epoch, "committed", "orders"}, all accounts, by its service
{"do": "wait", "pid", "seconds"}     → {"state": running, stopped, killed or ended}
{"do": "signal", "pid", "number"}    → {}
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from benchmarks.processes import PYTHON, ROOT, Failed


class Nest:
    """`with Nest(env, log) as nest:` — the program above and everything it has forked."""

    def __init__(self, env: Mapping[str, str], log: Any) -> None:
        self._env, self._log = dict(env), log

    def __enter__(self) -> Nest:
        command = [PYTHON, "-m", "benchmarks.faults.execution.nest"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=self._env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Raises Failed when the program is gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **fields}).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise Failed(f"the nest of workers is gone (exit code {self._process.wait()}) at {do} {fields}")
        found: dict[str, Any] = json.loads(answer)
        return found

    def signals(self, *messages: dict[str, str]) -> list[str]:
        ids: list[str] = self.ask("signals", messages=messages)["ids"]
        return ids

    def work(self, *, task: str = "drain", seconds: float = 10, failpoints: str = "", folder: str = "") -> int:
        """A worker's pid; it ends by itself when nothing is left to do, or after `seconds`."""
        return int(self.ask("fork", task=task, seconds=seconds, failpoints=failpoints, folder=folder)["pid"])

    def wait(self, pid: int, *, seconds: float) -> str:
        return str(self.ask("wait", pid=pid, seconds=seconds)["state"])

    def resume(self, pid: int) -> None:
        self.ask("signal", pid=pid, number=int(signal.SIGCONT))


def main() -> None:
    import django

    django.setup()
    from django.db import connections

    from tradeops.core import failpoints
    from tradeops.supervisor import leash

    from . import tasks

    def fork(command: dict[str, Any]) -> dict[str, Any]:
        connections.close_all()  # none may be shared with the worker
        parent = os.getpid()
        if pid := os.fork():
            return {"pid": pid}
        code = 1
        try:
            leash.die_with_parent(parent, signal.SIGKILL)
            os.close(0)
            os.dup2(2, 1)
            failpoints.arm({failpoints.VARIABLE: command["failpoints"], failpoints.FOLDER: command["folder"]})
            tasks.TASKS[command["task"]](command["seconds"])
            code = 0
        finally:
            os._exit(code)

    tasks.load()
    for line in sys.stdin:
        command: dict[str, Any] = json.loads(line)
        if command["do"] == "fork":
            answer = fork(command)
        elif command["do"] == "wait":
            answer = {"state": _wait(command["pid"], command["seconds"])}
        elif command["do"] == "signal":
            os.kill(command["pid"], command["number"])
            answer = {}
        else:
            answer = tasks.ANSWERS[command.pop("do")](**command)
            connections.close_all()
        print(json.dumps(answer), flush=True)


def _wait(pid: int, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
        if found:
            if os.WIFSTOPPED(status):
                return "stopped"
            return "killed" if os.WIFSIGNALED(status) else f"ended {os.WEXITSTATUS(status)}"
        if time.monotonic() > deadline:
            return "running"
        time.sleep(0.005)


if __name__ == "__main__":
    main()
