"""A run ends when the cluster that it was started by ends, in whatever way that came about.

The kernel would tie a process to its parent (tradeops.supervisor.leash), but a run's parent is a worker, which
django-q2 replaces after so many tasks. So the run is given a handle on the cluster itself, its worker's parent, and
watches that. Such handles (pidfds) cannot be taken for another process that got the same number later. Linux only; else
nothing is tied, and a run that was left alone ends by itself.
"""

from __future__ import annotations

import os
import select
import threading

EXIT_CODE = 75  # EX_TEMPFAIL: nothing of the run was written


def to_parent() -> int | None:
    """A handle on this process's parent, to be handed on and closed; None where there are none."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(os.getppid())
    except OSError:
        return None


def hold(handle: int) -> None:
    """From now on this process ends with that of `handle`, at once: a transaction under way is rolled back.

    Raises OSError for what is no handle.
    """
    os.fstat(handle)
    threading.Thread(target=_watch, args=(handle,), daemon=True, name="tether").start()


def _watch(handle: int) -> None:
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    while not waiting.poll():
        pass
    os._exit(EXIT_CODE)
