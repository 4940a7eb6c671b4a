"""Named places at which a test kills or stops this process, to see what the others make of what it leaves behind.

`TRADEOPS_FAILPOINTS=place.before_send=kill:3,apply.after_commit=stop` kills (SIGKILL) whoever comes to the first place
as the third one, and stops (SIGSTOP) the first at the second. `TRADEOPS_FAILPOINTS_DIR` is a folder in which arrivals
are counted, so that each fires once however many processes there are and however often they are started; without it
every process counts for itself. Off, as always but in tests, a place costs one look at an empty dict. Refused in
production and where real money is traded.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

from .errors import ConfigurationError

VARIABLE = "TRADEOPS_FAILPOINTS"
FOLDER = "TRADEOPS_FAILPOINTS_DIR"
_FORM = re.compile(r"(?P<name>[a-z_]+\.[a-z_]+)=(?P<action>kill|stop)(?::(?P<nth>[1-9][0-9]*))?")
_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}

# Name → which arrival → what then happens.
_armed: dict[str, dict[int, signal.Signals]] = {}
_arrived: dict[str, int] = {}
_folder: Path | None = None


def reached(name: str) -> None:
    """Nothing, unless a test has asked for this place by name."""
    if _armed and name in _armed:
        _fire(name)


def arm(variables: Mapping[str, str]) -> None:
    """Takes what the environment says; empty disarms. Raises ConfigurationError naming the variable."""
    global _folder
    plan = parse(variables)
    _armed.clear()
    _arrived.clear()
    _armed.update(plan)
    _folder = Path(variables[FOLDER]) if variables.get(FOLDER) else None


def parse(variables: Mapping[str, str]) -> dict[str, dict[int, signal.Signals]]:
    """Name → which arrival → the signal. Raises ConfigurationError, in production for anything but nothing."""
    text = variables.get(VARIABLE, "").strip()
    if not text:
        return {}
    if variables.get("TRADEOPS_ENV") == "production" or variables.get("TRADEOPS_TRADING") == "live":
        raise ConfigurationError(f"{VARIABLE} is set: it makes processes kill themselves and is for tests; unset it")
    plan: dict[str, dict[int, signal.Signals]] = {}
    for item in text.split(","):
        found = _FORM.fullmatch(item.strip())
        if found is None:
            raise ConfigurationError(f"{VARIABLE}: {item!r} is not like place.before_send=kill or …=stop:3")
        plan.setdefault(found["name"], {})[int(found["nth"] or 1)] = _SIGNALS[found["action"]]
    return plan


def _fire(name: str) -> None:
    number = _count(name)
    if number in _armed[name]:
        # To this very thread: one that is sent to the process might let it run on for a moment.
        signal.pthread_kill(threading.get_ident(), _armed[name][number])


def _count(name: str) -> int:
    """How many have come here so far, this one included: a byte each, so that no two get the same number."""
    if _folder is None:
        _arrived[name] = _arrived.get(name, 0) + 1
        return _arrived[name]
    file = os.open(_folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, b".")
        return os.lseek(file, 0, os.SEEK_CUR)
    finally:
        os.close(file)


arm(os.environ)
