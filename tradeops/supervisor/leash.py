"""Processes that do not outlive their parent, even when it is killed and can clean up nothing.

Run as a script it ties itself to its parent and becomes another program:
`python leash.py PARENT_PID PROGRAM ARGUMENT…`. It imports no Django, so that it costs a few milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 0.5


def die_with_parent(parent: int, number: int) -> None:
    """Has the kernel send `number` to this process when its parent, `parent`, ends. Linux only; else does nothing."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it was gone before the kernel knew
        os.kill(os.getpid(), number)


def end_after_parent(parent: int, *, seconds: float) -> None:
    """Has this process told to end when its parent, `parent`, is gone, and killed when it has not within `seconds`.

    A thread, on every system. A process that lets work in hand end first could wait for a stranger for ever.
    """
    threading.Thread(target=_end_after, args=(parent, seconds), name="leash", daemon=True).start()


def _end_after(parent: int, seconds: float) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    # A supervisor that ends in order has stopped its children before. This is for one that was killed: no manners,
    # since a child that waits for something would be left.
    die_with_parent(int(sys.argv[1]), signal.SIGKILL)
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  (no shell: the arguments are ours)
