"""The process that a replay happens in. It has an environment, a directory and a database of its own, and none of ours:
no secret, no key, no address of this installation reaches it. It ends, and takes the directory away, with its parent.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder

from signals.models import Strategy
from tradeops.core import env
from tradeops.core.errors import TradeOpsError

from . import ledger, scratch
from .asked import Asked
from .run import Replay

MATERIAL, RESULT, LOG = "material.json", "result.json", "log"
_TICKS = 200  # how often progress is told

Say = Callable[[int, int], None]


class ReplayFailed(TradeOpsError):
    """The process ended without a result; the message says what it said last."""

    code = "replay_failed"


def run(material: Mapping[str, Any], *, say: Say) -> dict[str, Any]:
    """What `ledger.read` gives there, and `looked`; `say(done, total)` hears of signals. Raises ReplayFailed."""
    with tempfile.TemporaryDirectory(prefix="tradeops-replay-", ignore_cleanup_errors=True) as name:
        directory = Path(name).resolve()
        (directory / MATERIAL).write_text(json.dumps(material, cls=DjangoJSONEncoder))
        with (directory / LOG).open("w") as log, _started(directory, log) as process:
            assert process.stdout is not None
            for line in process.stdout:
                done, _, total = line.partition("/")
                if done.isdecimal():
                    say(int(done), int(total))
            code = process.wait()
        if code != 0:
            raise ReplayFailed(f"it ended with exit code {code} before it was done: {_last_words(directory)}")
        found: dict[str, Any] = json.loads((directory / RESULT).read_text())
        return found


@contextmanager
def _started(directory: Path, log: IO[str]) -> Iterator[subprocess.Popen[str]]:
    """Its standard input stays open for as long as somebody waits for it."""
    command = [sys.executable, str(env.ROOT / "manage.py"), "replay", "--in", str(directory)]
    variables = {**env.apart(directory), "PYTHONHASHSEED": "0"}  # the order of sets is the same each time
    process = subprocess.Popen(  # noqa: S603
        command, cwd=env.ROOT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _last_words(directory: Path) -> str:
    lines = [line for line in (directory / LOG).read_text(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-3:])[-600:] or "it said nothing"


def serve(directory: Path, *, out: IO[str]) -> None:
    """In that process: replays what is in the directory and leaves the result there. Raises ConfigurationError in any
    process that has another database."""
    scratch.check(directory)
    threading.Thread(target=_end_with_parent, args=(directory,), daemon=True, name="tether").start()
    scratch.prepare(directory)
    material = json.loads((directory / MATERIAL).read_text())
    scratch.load(material["rows"])
    replay = Replay(material=material, say=_telling(out))
    replay.run()
    asked = Asked(
        strategy=Strategy.objects.get(slug=material["strategy"]),
        since=datetime.fromisoformat(material["since"]),
        until=datetime.fromisoformat(material["until"]),
    )
    found = {**ledger.read(asked, material["accounts"]), "looked": replay.looked}
    (directory / RESULT).write_text(json.dumps(found))


def _telling(out: IO[str]) -> Say:
    def say(done: int, total: int) -> None:
        if done == total or done % max(1, total // _TICKS) == 0:
            out.write(f"{done}/{total}\n")
            out.flush()

    return say


def _end_with_parent(directory: Path) -> None:
    while os.read(0, 1):  # the standard input, until nobody holds its other end any more
        pass
    while directory.exists():  # the replay goes on meanwhile, and its database makes files
        shutil.rmtree(directory, ignore_errors=True)
    os._exit(75)
