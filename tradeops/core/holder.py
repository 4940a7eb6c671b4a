"""Who holds a claim: machine, process, and a number that no other claim ever had (the fencing token)."""

from __future__ import annotations

import hashlib
import itertools
import os
import secrets
import socket
from pathlib import Path
from typing import ClassVar


def _machine() -> str:
    """Eight hex digits for this boot and this process namespace: only there does a process id mean anything."""
    parts = [socket.gethostname()]
    boot = Path("/proc/sys/kernel/random/boot_id")
    namespace = Path("/proc/self/ns/pid")
    if boot.exists():
        parts.append(boot.read_text().strip())
    if namespace.is_symlink():
        parts.append(str(namespace.readlink()))
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:8]


class Holder:
    """The claims of one worker: tokens are `machine:pid:instance.number`, at most 36 characters."""

    _in_this_process: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        self._machine = _machine()
        self._prefix = f"{self._machine}:{os.getpid()}:{secrets.token_hex(4)}"
        self._number = itertools.count(1)
        self._in_this_process.add(self._prefix)

    @property
    def name(self) -> str:
        """The holder itself, for leases that are renewed; `died` understands it too."""
        return f"{self._prefix}.0"

    def token(self) -> str:
        return f"{self._prefix}.{next(self._number):x}"

    def died(self, token: str) -> bool:
        """True if the worker that made `token` was on this machine and is gone, so its lease need not be waited for."""
        machine, _, rest = token.partition(":")
        pid = rest.partition(":")[0]
        if machine != self._machine or not pid.isdecimal():
            return False
        if int(pid) == os.getpid():  # our process id: ours, or that of one before us who had the same
            return token.rpartition(".")[0] not in self._in_this_process
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


_of_process: dict[int, Holder] = {}


def of_this_process() -> Holder:
    """The holder of everything that this process claims, other than a sender with one of its own."""
    pid = os.getpid()
    if pid not in _of_process:  # also after a fork
        _of_process[pid] = Holder()
    return _of_process[pid]
